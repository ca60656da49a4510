//! The second implementation, in Python and written from SPEC.md alone, agrees on every vector.

use std::path::Path;
use std::process::Command;

#[test]
fn the_second_implementation_agrees_on_every_vector() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("second");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let packages = "import blake3, cryptography, kyber_py, mnemonic";
    match Command::new(&python).args(["-c", packages]).output() {
        Ok(found) if found.status.success() => {}
        _ if std::env::var_os("CHARTMESH_SECOND").is_some_and(|value| value == "required") => {
            panic!("{python} lacks packages of tests/second/requirements.txt");
        }
        _ => {
            println!(
                "skipped: {python} with the packages of tests/second/requirements.txt is not here; \
                 PYTHON names another one"
            );
            return;
        }
    }
    // Nothing is to be left in the source tree.
    let checked = Command::new(&python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(folder.join("check.py"))
        .output()
        .expect("Python just ran");
    let said = String::from_utf8_lossy(&checked.stdout);
    let failed = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{said}{failed}");
    println!("{said}");
}
