//! How a node runs: where its files are, where it listens, what unlocks it.
//!
//! Each setting comes from the first of these that names it:
//!
//! 1. a flag of the command line,
//! 2. an environment variable `CHARTMESH_...`,
//! 3. the file `chartmesh.toml`,
//! 4. the default.
//!
//! Without `--dir` the file is in the platform's configuration directory and the data in its data
//! directory; with it both are in the one directory named, which is what several nodes on one
//! machine want. Relative paths in the file are relative to the file, so that a folder that holds a
//! node can be moved. No secret is a setting: only where a key file is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use libp2p::Multiaddr;
use serde::{Deserialize, Serialize};

use crate::keystore::{Passphrase, Unlock, UnlockError};
use crate::limits::SOCKET_PATH_BYTES_MAX;
use crate::store::StoreOptions;

/// The configuration file's name.
pub const FILE_NAME: &str = "chartmesh.toml";

/// The local API's socket, in the data directory.
const SOCKET: &str = "api.sock";

/// Where a node listens when nothing is said: everywhere, on ports that the system chooses once
/// and the node keeps.
pub const DEFAULT_LISTEN: [&str; 2] = ["/ip4/0.0.0.0/tcp/0", "/ip4/0.0.0.0/udp/0/quic-v1"];

/// MiB of decrypted pages that the store may keep in memory, when nothing is said: an idle node
/// is to stay under 60 MiB.
pub const DEFAULT_CACHE_MIB: u16 = 32;

/// Settings from one place; what is not named there is left to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Settings {
    /// Where the node's data are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// Where to listen, as multiaddresses; port 0 lets the system choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<Vec<String>>,
    /// Addresses to tell others besides, such as a router's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub announce: Option<Vec<String>>,
    /// Whether to announce the node on the local network and look for others there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mdns: Option<bool>,
    /// Whether members stand in private networks: their addresses are dialled, whoever tells them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_networks: Option<bool>,
    /// The socket of the local API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket: Option<PathBuf>,
    /// What unlocks the keystore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlock: Option<UnlockWith>,
    /// MiB of decrypted pages that the store may keep in memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_mib: Option<u16>,
    /// MiB of the disk to leave free: below nothing more is taken in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_free_mib: Option<u64>,
    /// What to log, as in `info,libp2p=warn`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// How log lines look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_format: Option<LogFormat>,
}

/// What unlocks a keystore; never the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnlockWith {
    /// A passphrase that a person types.
    #[default]
    Passphrase,
    /// A file with 32 random bytes.
    KeyFile(PathBuf),
    /// The systemd credential `chartmesh-key`.
    Credential,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What the command line says about where the settings are, and the settings it names itself.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// One directory for configuration and data.
    pub dir: Option<PathBuf>,
    /// The configuration file.
    pub config: Option<PathBuf>,
    /// Settings.
    pub settings: Settings,
}

/// How a node runs, with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The configuration file, which need not exist.
    pub file: PathBuf,
    /// Where the node's data are.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// Addresses to tell others besides.
    pub announce: Vec<Multiaddr>,
    /// Whether to use mDNS.
    pub mdns: bool,
    /// Whether members stand in private networks.
    pub private_networks: bool,
    /// The socket of the local API.
    pub socket: PathBuf,
    /// What unlocks the keystore.
    pub unlock: UnlockWith,
    /// Bytes of decrypted pages that the store may keep in memory.
    pub cache_bytes: usize,
    /// Bytes of the disk to leave free; what suits the disk where nothing is said.
    pub keep_free: Option<u64>,
    /// What to log.
    pub log: String,
    /// How log lines look.
    pub log_format: LogFormat,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The platform names no directories, as for a user without a home.
    #[error(
        "no home directory is known; say where the node's files are with `--dir DIR` or CHARTMESH_DIR"
    )]
    NoHome,
    /// The file cannot be read or written.
    #[error("cannot use the configuration file {}: {source}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The file says something that is not understood.
    #[error("the configuration file {} is not understood: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
    /// A setting's value is not one it can have.
    #[error("{name} cannot be `{value}`: {why}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// Why not.
        why: String,
    },
}

impl Config {
    /// The configuration from flags, this process's environment and the file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn load(flags: Flags) -> Result<Self, ConfigError> {
        Self::resolve(flags, &|name| std::env::var_os(name))
    }

    fn resolve(
        flags: Flags,
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let path = |name| environment(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let dir = flags.dir.or_else(|| path("CHARTMESH_DIR"));
        let platform = ProjectDirs::from("", "", "chartmesh");
        let file = flags
            .config
            .or_else(|| path("CHARTMESH_CONFIG"))
            .or_else(|| dir.as_ref().map(|dir| dir.join(FILE_NAME)))
            .or_else(|| Some(platform.as_ref()?.config_dir().join(FILE_NAME)))
            .ok_or(ConfigError::NoHome)?;
        let layers =
            [flags.settings, Settings::from_environment(environment)?, Settings::from_file(&file)?];
        let all = layers.into_iter().reduce(Settings::or);
        let all = all.expect("there are three layers");
        let data_dir = all
            .data_dir
            .or(dir)
            .or_else(|| Some(platform.as_ref()?.data_local_dir().to_owned()))
            .ok_or(ConfigError::NoHome)?;
        let socket = all.socket.unwrap_or_else(|| data_dir.join(SOCKET));
        check_socket(&socket)?;
        let default = || DEFAULT_LISTEN.map(str::to_owned).to_vec();
        Ok(Self {
            file,
            socket,
            listen: addresses("listen", &all.listen.unwrap_or_else(default))?,
            announce: addresses("announce", &all.announce.unwrap_or_default())?,
            mdns: all.mdns.unwrap_or(true),
            private_networks: all.private_networks.unwrap_or(false),
            unlock: all.unlock.unwrap_or_default(),
            cache_bytes: usize::from(all.cache_mib.unwrap_or(DEFAULT_CACHE_MIB)) << 20,
            keep_free: all.keep_free_mib.map(|mib| mib.saturating_mul(1 << 20)),
            log: all.log.unwrap_or_else(|| "info".to_owned()),
            log_format: all.log_format.unwrap_or_default(),
            data_dir,
        })
    }

    /// The settings as the file says them, so that the next start needs no flags. Paths beside the
    /// file are relative to it.
    #[must_use]
    pub fn to_settings(&self) -> Settings {
        let beside = |path: &Path| match self.file.parent().map(|dir| path.strip_prefix(dir)) {
            Some(Ok(inside)) if inside.as_os_str().is_empty() => PathBuf::from("."),
            Some(Ok(inside)) => inside.to_owned(),
            _ => path.to_owned(),
        };
        let unlock = match &self.unlock {
            UnlockWith::KeyFile(path) => UnlockWith::KeyFile(beside(path)),
            other => other.clone(),
        };
        let socket = Some(&self.socket).filter(|socket| **socket != self.data_dir.join(SOCKET));
        let texts = |all: &[Multiaddr]| all.iter().map(Multiaddr::to_string).collect();
        let cache_mib = u16::try_from(self.cache_bytes >> 20).unwrap_or(u16::MAX);
        Settings {
            data_dir: Some(beside(&self.data_dir)),
            listen: Some(texts(&self.listen)),
            announce: Some(texts(&self.announce)),
            mdns: Some(self.mdns),
            private_networks: Some(self.private_networks),
            socket: socket.map(|socket| beside(socket)),
            unlock: Some(unlock),
            cache_mib: Some(cache_mib),
            keep_free_mib: self.keep_free.map(|bytes| bytes >> 20),
            log: Some(self.log.clone()),
            log_format: Some(self.log_format),
        }
    }

    /// Writes the configuration to its file, in the place of what was there.
    ///
    /// # Errors
    /// [`ConfigError::Io`].
    pub fn save(&self) -> Result<(), ConfigError> {
        let text = toml::to_string_pretty(&self.to_settings())
            .map_err(|e| ConfigError::File { path: self.file.clone(), why: e.to_string() })?;
        let write = || {
            if let Some(dir) = self.file.parent() {
                fs::create_dir_all(dir)?;
            }
            fs::write(&self.file, text)
        };
        write().map_err(|source| ConfigError::Io { path: self.file.clone(), source })
    }

    /// What unlocks the keystore; `ask` is called only where a person has to type a passphrase.
    ///
    /// # Errors
    /// [`UnlockError`] without a credential; what `ask` fails with.
    pub fn unlock<E: From<UnlockError>>(
        &self,
        ask: impl FnOnce() -> Result<Passphrase, E>,
    ) -> Result<Unlock, E> {
        Ok(match &self.unlock {
            UnlockWith::Passphrase => Unlock::Passphrase(ask()?),
            UnlockWith::KeyFile(path) => Unlock::KeyFile(path.clone()),
            UnlockWith::Credential => Unlock::credential()?,
        })
    }

    pub(crate) fn store_options(&self) -> StoreOptions {
        StoreOptions { cache_bytes: self.cache_bytes, ..StoreOptions::default() }
    }
}

impl Settings {
    /// What is not named here, as `next` names it.
    fn or(self, next: Self) -> Self {
        Self {
            data_dir: self.data_dir.or(next.data_dir),
            listen: self.listen.or(next.listen),
            announce: self.announce.or(next.announce),
            mdns: self.mdns.or(next.mdns),
            private_networks: self.private_networks.or(next.private_networks),
            socket: self.socket.or(next.socket),
            unlock: self.unlock.or(next.unlock),
            cache_mib: self.cache_mib.or(next.cache_mib),
            keep_free_mib: self.keep_free_mib.or(next.keep_free_mib),
            log: self.log.or(next.log),
            log_format: self.log_format.or(next.log_format),
        }
    }

    fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => {
                let path = path.to_owned();
                return Err(ConfigError::Io { path, source });
            }
        };
        let settings: Self = toml::from_str(&text).map_err(|error| {
            let why = error.to_string().trim_end().to_owned();
            ConfigError::File { path: path.to_owned(), why }
        })?;
        Ok(settings.below(path.parent().unwrap_or(Path::new(""))))
    }

    /// With relative paths as they are from elsewhere.
    fn below(self, dir: &Path) -> Self {
        let whole = |path: PathBuf| match path == Path::new(".") {
            true => dir.to_owned(),
            false => dir.join(path),
        };
        let unlock = self.unlock.map(|unlock| match unlock {
            UnlockWith::KeyFile(path) => UnlockWith::KeyFile(whole(path)),
            other => other,
        });
        Self { data_dir: self.data_dir.map(whole), socket: self.socket.map(whole), unlock, ..self }
    }

    /// `CHARTMESH_DATA_DIR`, `_LISTEN` and `_ANNOUNCE` (separated by commas), `_MDNS`,
    /// `_PRIVATE_NETWORKS`, `_SOCKET`,
    /// `_KEY_FILE`, `_UNLOCK` (`passphrase` or `credential`), `_CACHE_MIB`, `_KEEP_FREE_MIB`, `_LOG`,
    /// `_LOG_FORMAT`.
    fn from_environment(
        environment: &dyn Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let path = |name| environment(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let text = |name: &'static str| match environment(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) if text.is_empty() => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(raw)) => Err(value(name, &raw.to_string_lossy(), "it is not UTF-8")),
        };
        let list = |name| {
            let split = |text: String| text.split(',').map(|one| one.trim().to_owned()).collect();
            Ok::<_, ConfigError>(text(name)?.map(split))
        };
        let unlock = match (path("CHARTMESH_KEY_FILE"), text("CHARTMESH_UNLOCK")?) {
            (Some(path), _) => Some(UnlockWith::KeyFile(path)),
            (None, text) => one_of(
                "CHARTMESH_UNLOCK",
                text,
                &[("passphrase", UnlockWith::Passphrase), ("credential", UnlockWith::Credential)],
            )?,
        };
        let switch = |name| {
            let on = [("on", true), ("true", true), ("1", true)];
            let off = [("off", false), ("false", false), ("0", false)];
            one_of(name, text(name)?, &on.into_iter().chain(off).collect::<Vec<_>>())
        };
        let cache_mib = text("CHARTMESH_CACHE_MIB")?.map(|text| {
            let bad = |_| value("CHARTMESH_CACHE_MIB", &text, "give a number of MiB below 65536");
            text.parse().map_err(bad)
        });
        let keep_free_mib = text("CHARTMESH_KEEP_FREE_MIB")?.map(|text| {
            let bad = |_| value("CHARTMESH_KEEP_FREE_MIB", &text, "give a number of MiB");
            text.parse().map_err(bad)
        });
        Ok(Self {
            data_dir: path("CHARTMESH_DATA_DIR"),
            listen: list("CHARTMESH_LISTEN")?,
            announce: list("CHARTMESH_ANNOUNCE")?,
            mdns: switch("CHARTMESH_MDNS")?,
            private_networks: switch("CHARTMESH_PRIVATE_NETWORKS")?,
            socket: path("CHARTMESH_SOCKET"),
            unlock,
            cache_mib: cache_mib.transpose()?,
            keep_free_mib: keep_free_mib.transpose()?,
            log: text("CHARTMESH_LOG")?,
            log_format: one_of(
                "CHARTMESH_LOG_FORMAT",
                text("CHARTMESH_LOG_FORMAT")?,
                &[("text", LogFormat::Text), ("json", LogFormat::Json)],
            )?,
        })
    }
}

fn one_of<T: Clone>(
    name: &'static str,
    text: Option<String>,
    choices: &[(&str, T)],
) -> Result<Option<T>, ConfigError> {
    let Some(text) = text else { return Ok(None) };
    match choices.iter().find(|(choice, _)| *choice == text) {
        Some((_, chosen)) => Ok(Some(chosen.clone())),
        None => {
            let all: Vec<_> = choices.iter().map(|(choice, _)| *choice).collect();
            Err(value(name, &text, &format!("choose one of {}", all.join(", "))))
        }
    }
}

fn value(name: &'static str, value: &str, why: &str) -> ConfigError {
    ConfigError::Value { name, value: value.to_owned(), why: why.to_owned() }
}

fn addresses(name: &'static str, texts: &[String]) -> Result<Vec<Multiaddr>, ConfigError> {
    let named = texts.iter().filter(|text| !text.is_empty());
    named
        .map(|text| {
            text.parse().map_err(|error| {
                let why = format!("{error}; an address looks like /ip4/192.0.2.7/tcp/4801");
                value(name, text, &why)
            })
        })
        .collect()
}

fn check_socket(socket: &Path) -> Result<(), ConfigError> {
    let bytes = socket.as_os_str().len();
    if bytes <= SOCKET_PATH_BYTES_MAX {
        return Ok(());
    }
    let why = format!(
        "a socket's path has at most {SOCKET_PATH_BYTES_MAX} bytes and this has {bytes}; choose a shorter one with `--socket`"
    );
    Err(value("socket", &socket.to_string_lossy(), &why))
}

/// The environment variables that are looked at, with what each sets.
#[must_use]
pub fn environment() -> BTreeMap<&'static str, &'static str> {
    BTreeMap::from([
        ("CHARTMESH_DIR", "one directory for configuration and data"),
        ("CHARTMESH_CONFIG", "the configuration file"),
        ("CHARTMESH_DATA_DIR", "where the node's data are"),
        ("CHARTMESH_LISTEN", "where to listen, separated by commas"),
        ("CHARTMESH_ANNOUNCE", "addresses to tell others besides, separated by commas"),
        ("CHARTMESH_MDNS", "on or off: looking for nodes on the local network"),
        ("CHARTMESH_PRIVATE_NETWORKS", "on or off: dialling private addresses, whoever tells them"),
        ("CHARTMESH_SOCKET", "the socket of the local API"),
        ("CHARTMESH_KEY_FILE", "the file with the key to the keystore"),
        ("CHARTMESH_UNLOCK", "passphrase or credential: what unlocks the keystore"),
        ("CHARTMESH_CACHE_MIB", "MiB of memory for the store's pages"),
        ("CHARTMESH_KEEP_FREE_MIB", "MiB of the disk to leave free"),
        ("CHARTMESH_LOG", "what to log, as in info,libp2p=warn"),
        ("CHARTMESH_LOG_FORMAT", "text or json"),
    ])
}

#[cfg(test)]
mod tests;
