//! The layers of a role's configuration: defaults, then TOML, then environment, then flags.
//!
//! It decides their order and how an environment variable names a key. It never knows a key: the
//! role's struct does, and must carry `#[serde(default, deny_unknown_fields)]`, which supplies
//! the lowest layer and refuses what it does not know. It never looks at variables of other roles.

mod files;

use std::path::{Path, PathBuf};
use std::time::Duration;

use config::{Config, File, FileFormat, builder::DefaultState};
use serde::de::DeserializeOwned;

use crate::settings::{self, Setting};
use crate::telemetry;

pub use self::files::Use;

/// Configuration files larger than this are refused: ours are a few KiB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than any configuration of ours.
    #[error("the configuration file {path} is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// Which file.
        path: PathBuf,
    },
    /// The file is not TOML.
    #[error("the configuration file {path} is not TOML: {reason}")]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A variable or flag does not name a key.
    #[error("{origin} does not name a configuration key: {reason}")]
    Key {
        /// The variable or flag.
        origin: String,
        /// Why not.
        reason: String,
    },
    /// A key is unknown, its value does not fit, or settings cannot hold together.
    #[error("the configuration of {role} ({}) is refused: {reason}", named(.file.as_deref()))]
    Refused {
        /// Whose configuration.
        role: String,
        /// Its file, if one was named.
        file: Option<PathBuf>,
        /// The key and what is wrong with it.
        reason: String,
    },
}

/// The file as an error tells it.
fn named(file: Option<&Path>) -> String {
    file.map_or_else(|| "no file".to_owned(), |path| path.display().to_string())
}

/// The configuration of a role.
pub trait Role: DeserializeOwned + Setting {
    /// As the command line and the environment call the role.
    const NAME: &'static str;

    /// What an operator has to choose, for which no default can stand: settings, and values that can be read, in TOML.
    const CHOSEN: &'static [(&'static str, &'static str)];

    /// How long the role may take to stop.
    fn stop_timeout(&self) -> Duration;

    /// What is logged, if it is a setting of the role.
    fn log_filter(&self) -> Option<&str> {
        None
    }

    /// Where its traces and logs go besides, if that is a setting of the role.
    fn telemetry(&self) -> Option<&telemetry::Otlp> {
        None
    }

    /// How this process is called among those of its role.
    fn instance(&self) -> String {
        String::new()
    }

    /// Settings that cannot hold together: the first, in words with their names.
    fn contradiction(&self) -> Option<String>;

    /// What files that can each be used are not together, as a certificate and its key: each fault, in words with its
    /// setting.
    fn mismatches(&self) -> Vec<String>;
}

/// [`load`]s the configuration of a role and checks that its settings hold together, and that the files that it names can
/// be used.
///
/// # Errors
/// As [`load`], and [`Error::Refused`] for a contradiction and for files.
pub fn load_role<T: Role>(file: Option<&Path>, overrides: &[(String, String)]) -> Result<T, Error> {
    let config: T = load(T::NAME, file, overrides)?;
    match wrong(&config) {
        found if found.is_empty() => Ok(config),
        found => Err(refused(T::NAME, file, found.join("; "))),
    }
}

/// The first contradiction, and each file and folder that cannot be used; or else what does not go together. What is in a
/// pipe is left to the role.
fn wrong<T: Role>(config: &T) -> Vec<String> {
    let mut paths = Vec::new();
    config.paths("", &mut paths);
    let unusable = files::unusable(&paths);
    let filter = config.log_filter().map_or(Ok(()), telemetry::check_filter);
    let telemetry = config.telemetry();
    let found = mismatch("log_filter", filter).into_iter().chain(config.contradiction());
    let found = found.chain(telemetry.and_then(telemetry::Otlp::contradiction));
    let found: Vec<String> = found.chain(unusable).collect();
    let is_readable = found.is_empty() && !paths.iter().any(|(_, path)| files::is_pipe(path));
    if !is_readable {
        return found;
    }
    let mut found = config.mismatches();
    found.extend(telemetry.and_then(telemetry::Otlp::mismatch));
    found
}

/// The fault of a setting whose files were opened, if there is one.
#[must_use]
pub fn mismatch<T, E: std::error::Error + 'static>(
    setting: &str,
    opened: Result<T, E>,
) -> Option<String> {
    opened.err().map(|error| format!("{setting}: {}", telemetry::chain(&error)))
}

fn refused(role: &str, file: Option<&Path>, reason: String) -> Error {
    Error::Refused { role: role.to_owned(), file: file.map(Path::to_owned), reason }
}

/// Loads the configuration of `role` from `file`, this process's environment and `overrides`.
///
/// `ECUMENE_GATEWAY__LIMITS__DRAIN=5s` sets `limits.drain` of the role `gateway`; an override is
/// a pair such as `("limits.drain", "5s")`. A value in brackets or braces is read as TOML, so
/// that lists can be given; every other value is text and takes the type of its key.
///
/// # Errors
/// Every [`Error`]; the first one found, with the key's or the file's name.
pub fn load<T: DeserializeOwned>(
    role: &str,
    file: Option<&Path>,
    overrides: &[(String, String)],
) -> Result<T, Error> {
    load_with(role, file, environment(), overrides)
}

/// Variables that are not UTF-8 cannot be ours: names and values of ours are text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Everything that keeps a role from starting with this file: unknown settings, all of them at once, or else the first
/// value that does not fit and the first contradiction; and each file and folder that cannot be used. The file is read
/// once: it may be a pipe.
#[must_use]
pub fn faults<T: Role>(file: &Path, overrides: &[(String, String)]) -> Vec<String> {
    let found = || -> Result<Vec<String>, Error> {
        let text = read(file)?;
        let unknown = settings::unknown(&T::shape(), &parse(file, &text)?.cache);
        if !unknown.is_empty() {
            return Ok(unknown);
        }
        let config: T = layered(T::NAME, Some((file, text.as_str())), environment(), overrides)?;
        Ok(wrong(&config))
    };
    found().unwrap_or_else(|error| vec![telemetry::chain(&error)])
}

/// [`load`] with the environment as an argument.
///
/// # Errors
/// As [`load`].
pub fn load_with<T: DeserializeOwned>(
    role: &str,
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[(String, String)],
) -> Result<T, Error> {
    let text = file.map(read).transpose()?;
    layered(role, file.zip(text.as_deref()), environment, overrides)
}

/// The same of a file that was read.
fn layered<T: DeserializeOwned>(
    role: &str,
    file: Option<(&Path, &str)>,
    environment: impl IntoIterator<Item = (String, String)>,
    overrides: &[(String, String)],
) -> Result<T, Error> {
    let mut layers = Config::builder();
    if let Some((path, text)) = file {
        parse(path, text)?;
        layers = layers.add_source(File::from_str(text, FileFormat::Toml));
    }
    let prefix = format!("ECUMENE_{}__", role.to_ascii_uppercase());
    for (name, value) in environment {
        if let Some(rest) = name.strip_prefix(&prefix) {
            let key = rest.replace("__", ".").to_ascii_lowercase();
            layers = set(layers, &name, &key, &value)?;
        }
    }
    for (key, value) in overrides {
        layers = set(layers, &format!("--{key}"), key, value)?;
    }
    let path = file.map(|(path, _)| path);
    let refused = |error: config::ConfigError| refused(role, path, error.to_string());
    layers.build().map_err(refused)?.try_deserialize().map_err(refused)
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_BYTES_MAX {
        return Err(Error::TooLarge { path: path.to_owned() });
    }
    std::fs::read_to_string(path).map_err(unreadable)
}

/// Parses the text once alone, so that a syntax error names its file.
fn parse(path: &Path, text: &str) -> Result<Config, Error> {
    let parsed = Config::builder().add_source(File::from_str(text, FileFormat::Toml)).build();
    parsed.map_err(|error| Error::Syntax { path: path.to_owned(), reason: error.to_string() })
}

type Layers = config::ConfigBuilder<DefaultState>;

fn set(layers: Layers, origin: &str, key: &str, text: &str) -> Result<Layers, Error> {
    let bad = |reason: String| Error::Key { origin: origin.to_owned(), reason };
    if key.is_empty() || key.split('.').any(|part| !is_name(part)) {
        return Err(bad(format!("`{key}`")));
    }
    let value = value(text).map_err(|error| bad(error.to_string()))?;
    layers.set_override(key, value).map_err(|error| bad(error.to_string()))
}

fn is_name(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn value(text: &str) -> Result<config::Value, config::ConfigError> {
    if !text.starts_with(['[', '{']) {
        return Ok(config::Value::from(text));
    }
    let document = format!("value = {text}");
    Config::builder()
        .add_source(File::from_str(&document, FileFormat::Toml))
        .build()?
        .get::<config::Value>("value")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde::Deserialize;

    use crate::units;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        port: u16,
        timeout: units::Duration,
        members: Vec<String>,
        nested: Nested,
    }

    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Nested {
        on: bool,
        name: Option<String>,
    }

    impl Default for Sample {
        fn default() -> Self {
            let timeout = units::Duration::from_secs(1);
            Self { port: 1, timeout, members: Vec::new(), nested: Nested::default() }
        }
    }

    fn check(
        toml: &str,
        environment: &[(&str, &str)],
        flags: &[(&str, &str)],
    ) -> Result<Sample, Error> {
        let owned = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("role.toml");
        std::fs::write(&path, toml).unwrap();
        load_with("gateway", Some(&path), owned(environment), &owned(flags))
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let env = [("ECUMENE_GATEWAY__PORT", "3"), ("ECUMENE_GATEWAY__TIMEOUT", "3s")];
        let sample =
            check("port = 2\ntimeout = '2s'\nnested.on = true", &env, &[("port", "4")]).unwrap();
        assert_eq!((sample.port, sample.timeout), (4, units::Duration::from_secs(3)));
        assert_eq!(sample.nested, Nested { on: true, name: None });
        assert_eq!(check("", &[], &[]).unwrap(), Sample::default());
    }

    #[test]
    fn nested_keys_and_lists_can_be_given_in_the_environment() {
        let env = [
            ("ECUMENE_GATEWAY__NESTED__NAME", "17"),
            ("ECUMENE_GATEWAY__NESTED__ON", "true"),
            ("ECUMENE_GATEWAY__MEMBERS", "['a', 'b']"),
        ];
        let sample = check("", &env, &[]).unwrap();
        assert_eq!(sample.nested, Nested { on: true, name: Some("17".to_owned()) });
        assert_eq!(sample.members, ["a", "b"]);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_name_from_every_layer() {
        for refused in [
            check("prot = 2", &[], &[]),
            check("[nested]\nprot = 2", &[], &[]),
            check("", &[("ECUMENE_GATEWAY__PROT", "2")], &[]),
            check("", &[], &[("prot", "2")]),
        ] {
            let message = refused.unwrap_err().to_string();
            assert!(message.contains("prot") && message.contains("gateway"), "{message}");
            assert!(message.contains("role.toml"), "the file is named: {message}");
        }
    }

    #[test]
    fn variables_of_other_roles_are_left_alone() {
        let env = [("ECUMENE_REGISTRY__PROT", "2"), ("ECUMENE_GATEWAYS", "x"), ("PATH", "y")];
        assert_eq!(check("", &env, &[]).unwrap(), Sample::default());
    }

    #[test]
    fn a_bad_value_names_its_key_or_its_file() {
        let message = |result: Result<Sample, Error>| result.unwrap_err().to_string();
        assert!(message(check("timeout = '30'", &[], &[])).contains("units"));
        assert!(message(check("port = 'many'", &[], &[])).contains("port"));
        assert!(message(check("port = ", &[], &[])).contains("role.toml"));
        assert!(
            message(check("", &[("ECUMENE_GATEWAY__", "1")], &[])).contains("ECUMENE_GATEWAY__")
        );
        let missing = load_with::<Sample>("x", Some(Path::new("absent.toml")), [], &[]);
        assert!(matches!(missing, Err(Error::Unreadable { .. })));
    }
}
