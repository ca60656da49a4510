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
        private_networks: Some(true),
        unlock: Some(UnlockWith::KeyFile("/k".into())),
        cache_mib: Some(8),
        keep_free_mib: Some(9),
        log_format: Some(LogFormat::Json),
        ..Settings::default()
    };
    let config = resolve(flags, &[]).unwrap();
    config.save().unwrap();
    assert_eq!(resolve(in_dir(dir.path()), &[]).unwrap(), config);
}

#[test]
fn each_setting_comes_from_a_flag_before_the_environment_before_the_file() {
    let dir = tempfile::tempdir().unwrap();
    // Setting, variable, and a value from the file, the environment and a flag, as JSON.
    let table = [
        ("data-dir", "CHARTMESH_DATA_DIR", ["\"/file\"", "\"/env\"", "\"/flag\""]),
        (
            "listen",
            "CHARTMESH_LISTEN",
            [r#"["/ip4/1.1.1.1/tcp/1"]"#, r#"["/ip4/2.2.2.2/tcp/2"]"#, r#"["/ip4/3.3.3.3/tcp/3"]"#],
        ),
        (
            "announce",
            "CHARTMESH_ANNOUNCE",
            [r#"["/ip4/1.1.1.1/tcp/1"]"#, r#"["/ip4/2.2.2.2/tcp/2"]"#, r#"["/ip4/3.3.3.3/tcp/3"]"#],
        ),
        ("mdns", "CHARTMESH_MDNS", ["false", "true", "false"]),
        ("private-networks", "CHARTMESH_PRIVATE_NETWORKS", ["true", "false", "true"]),
        ("socket", "CHARTMESH_SOCKET", ["\"/file\"", "\"/env\"", "\"/flag\""]),
        (
            "unlock",
            "CHARTMESH_UNLOCK",
            [r#"{"key-file":"/k"}"#, "\"credential\"", "\"passphrase\""],
        ),
        ("cache-mib", "CHARTMESH_CACHE_MIB", ["5", "6", "7"]),
        ("keep-free-mib", "CHARTMESH_KEEP_FREE_MIB", ["5", "6", "7"]),
        ("log", "CHARTMESH_LOG", ["\"warn\"", "\"error\"", "\"trace\""]),
        ("log-format", "CHARTMESH_LOG_FORMAT", ["\"json\"", "\"text\"", "\"json\""]),
    ];
    let all =
        serde_json::to_value(resolve(in_dir(dir.path()), &[]).unwrap().to_settings()).unwrap();
    let names: Vec<_> = all.as_object().unwrap().keys().cloned().collect();
    assert!(names.iter().all(|name| table.iter().any(|row| row.0 == name)), "{names:?}");
    for (name, variable, values) in table {
        let values = values.map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap());
        let [file, environment, flag] = &values;
        let said = |value: &serde_json::Value| {
            serde_json::from_value::<Settings>(serde_json::json!({ name: value })).unwrap()
        };
        fs::write(dir.path().join(FILE_NAME), toml::to_string(&said(file)).unwrap()).unwrap();
        let text = match environment {
            serde_json::Value::Array(list) => list[0].as_str().unwrap().to_owned(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let now = |flags: Settings, env: &[(&str, &str)]| {
            let flags = Flags { settings: flags, ..in_dir(dir.path()) };
            let settings = resolve(flags, env).unwrap().to_settings();
            serde_json::to_value(settings).unwrap()[name].clone()
        };
        let env = [(variable, text.as_str())];
        assert_eq!(&now(Settings::default(), &[]), file, "{name} in the file");
        assert_eq!(&now(Settings::default(), &env), environment, "{variable}");
        assert_eq!(&now(said(flag), &env), flag, "{name} as a flag");
    }
}

#[test]
fn a_folder_that_holds_a_node_can_be_moved() {
    let dir = tempfile::tempdir().unwrap();
    let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    let mut flags = in_dir(&old);
    flags.settings.unlock = Some(UnlockWith::KeyFile(old.join("key")));
    resolve(flags, &[]).unwrap().save().unwrap();
    fs::rename(&old, &new).unwrap();
    let moved = resolve(in_dir(&new), &[]).unwrap();
    assert_eq!((&moved.data_dir, &moved.socket), (&new, &new.join("api.sock")));
    assert_eq!(moved.unlock, UnlockWith::KeyFile(new.join("key")));
    let flags = Flags { config: Some(new.join(FILE_NAME)), ..Flags::default() };
    assert_eq!(resolve(flags, &[]).unwrap(), moved);
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
        ("CHARTMESH_KEEP_FREE_MIB", "1GiB"),
        ("CHARTMESH_LOG_FORMAT", "xml"),
        ("CHARTMESH_UNLOCK", "sesame"),
    ] {
        let text = complaint(&[(name, bad)]);
        assert!(text.contains(bad), "{text}");
    }
    let long = format!("/{}", "x".repeat(SOCKET_PATH_BYTES_MAX));
    assert!(complaint(&[("CHARTMESH_SOCKET", &long)]).contains("shorter"));
    fs::write(dir.path().join(FILE_NAME), "passphrase = \"x\"\n").unwrap();
    assert!(complaint(&[]).contains("passphrase"), "an unknown setting");
}
