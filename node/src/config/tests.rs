use super::*;

fn resolve(flags: Flags, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::resolve(flags, &|name| {
        let found = environment.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).into())
    })
}

fn in_dir(dir: &Path) -> Flags {
    Flags { dir: Some(dir.to_owned()), ..Flags::default() }
}

#[test]
fn a_flag_goes_before_the_environment_before_the_file_before_the_default() {
    let dir = tempfile::tempdir().unwrap();
    let mut flags = in_dir(dir.path());
    let log = |flags: &Flags, env| resolve(flags.clone(), env).unwrap().log;
    assert_eq!(log(&flags, &[]), "info");
    fs::write(dir.path().join(FILE_NAME), "log = \"warn\"\n").unwrap();
    assert_eq!(log(&flags, &[]), "warn");
    let env = [("CHARTMESH_LOG", "error")];
    assert_eq!(log(&flags, &env), "error");
    flags.settings.log = Some("trace".to_owned());
    assert_eq!(log(&flags, &env), "trace");
}

#[test]
fn one_directory_holds_configuration_data_and_socket() {
    let dir = tempfile::tempdir().unwrap();
    let config = resolve(in_dir(dir.path()), &[]).unwrap();
    assert_eq!(config.file, dir.path().join(FILE_NAME));
    assert_eq!(config.data_dir, dir.path());
    assert_eq!(config.socket, dir.path().join("api.sock"));
    let path = dir.path().to_str().unwrap();
    let same = resolve(Flags::default(), &[("CHARTMESH_DIR", path)]).unwrap();
    assert_eq!(same, config);
}

#[test]
fn what_is_saved_is_what_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let mut flags = in_dir(dir.path());
    flags.settings = Settings {
        listen: Some(vec!["/ip4/127.0.0.1/tcp/4801".to_owned()]),
        mdns: Some(false),
        unlock: Some(UnlockWith::KeyFile("/k".into())),
        cache_mib: Some(8),
        log_format: Some(LogFormat::Json),
        ..Settings::default()
    };
    let config = resolve(flags, &[]).unwrap();
    config.save().unwrap();
    assert_eq!(resolve(in_dir(dir.path()), &[]).unwrap(), config);
}

#[test]
fn every_variable_that_is_documented_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    let asked = std::cell::RefCell::new(std::collections::BTreeSet::new());
    Config::resolve(Flags::default(), &|name| {
        asked.borrow_mut().insert(name.to_owned());
        (name == "CHARTMESH_DIR").then(|| path.into())
    })
    .unwrap();
    let documented: std::collections::BTreeSet<_> =
        environment().into_keys().map(str::to_owned).collect();
    assert_eq!(asked.into_inner(), documented);
}

#[test]
fn what_is_not_understood_is_named_and_never_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let complaint = |env: &[(&str, &str)]| {
        let error = resolve(in_dir(dir.path()), env).unwrap_err();
        error.to_string()
    };
    for (name, bad) in [
        ("CHARTMESH_LISTEN", "localhost:80"),
        ("CHARTMESH_MDNS", "perhaps"),
        ("CHARTMESH_CACHE_MIB", "-1"),
        ("CHARTMESH_LOG_FORMAT", "xml"),
        ("CHARTMESH_UNLOCK", "sesame"),
    ] {
        let text = complaint(&[(name, bad)]);
        assert!(text.contains(bad), "{text}");
    }
    let long = format!("/{}", "x".repeat(SOCKET_PATH_MAX));
    assert!(complaint(&[("CHARTMESH_SOCKET", &long)]).contains("shorter"));
    fs::write(dir.path().join(FILE_NAME), "passphrase = \"x\"\n").unwrap();
    assert!(complaint(&[]).contains("passphrase"), "an unknown setting");
}
