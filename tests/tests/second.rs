//! The second implementation, in Python and written from SPEC.md alone: it agrees on every vector,
//! and gets on with a running node.

use std::path::Path;
use std::process::Command;

use chartmesh_tests::{Node, program};

/// Runs one of its programs, which must succeed. Skips it where Python or its packages are not here,
/// unless `CHARTMESH_SECOND` says `required`.
fn second(script: &str, args: &[&Path]) {
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
    let ran = Command::new(&python)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .arg(folder.join(script))
        .args(args)
        .output()
        .expect("Python just ran");
    let said = String::from_utf8_lossy(&ran.stdout);
    let failed = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{said}{failed}");
    println!("{said}");
}

#[test]
fn the_second_implementation_agrees_on_every_vector() {
    second("check.py", &[]);
}

#[test]
fn the_second_implementation_gets_on_with_a_running_node_and_is_refused_where_it_must_be() {
    let root = tempfile::tempdir().unwrap();
    let node = Node::create(root.path(), "hospital", "Alder Hospital");
    second("live.py", &[&program(), &node.dir]);
}
