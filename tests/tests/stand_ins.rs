//! The stand-ins of docs/decisions/0014-stand-ins.md protect nothing, and are in nothing that runs
//! with people's records.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The features of all packages as cargo resolves them, with `more` arguments.
fn resolved(more: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--all-targets", "--locked", "--offline"])
        .args(["--edges", "features", "--prefix", "none", "--format", "{p} {f}"])
        .args(more)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn nothing_in_the_workspace_turns_the_stand_ins_on() {
    const { assert!(!chartmesh_protocol::STAND_INS) };
    let normal = resolved(&[]);
    assert!(normal.contains("chartmesh-protocol v"));
    assert!(!normal.contains("stand-ins"));
    assert!(resolved(&["--features", "chartmesh-scenarios/stand-ins"]).contains("stand-ins"));
}

#[test]
fn the_program_has_no_code_of_the_stand_ins() {
    let program = fs::read(chartmesh_tests::program()).unwrap();
    let program = String::from_utf8_lossy(&program);
    // Something that is there, to show that it would be found.
    assert!(program.contains("chartmesh/1/session"));
    assert!(!program.contains("stand-in for X-Wing"));
}

/// `cargo check -p chartmesh-node --features chartmesh-protocol/stand-ins` fails by it; to try that
/// here would build all of libp2p a second time.
#[test]
fn the_node_still_refuses_to_be_built_with_stand_ins() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let node = fs::read_to_string(root.join("node/src/lib.rs")).unwrap();
    let node: String = node.split_whitespace().collect();
    assert!(node.contains("const_:()=assert!(!chartmesh_protocol::STAND_INS,"));
}
