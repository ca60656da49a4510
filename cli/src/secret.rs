//! Passphrases and words: typed, or read from a file or standard input; never an argument, which
//! every user of the machine could read.

use std::io::{BufRead, IsTerminal, Read};
use std::path::{Path, PathBuf};

use chartmesh_node::keystore::Passphrase;
use zeroize::Zeroizing;

use crate::exit::{Exit, Failure, Outcome};
use crate::limits::SECRET_BYTES_MAX;
use crate::output;

/// A secret text, wiped when dropped.
pub(crate) type Secret = Zeroizing<String>;

/// Where passphrases come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct PassphraseArgs {
    /// Read the passphrase from the first line of FILE
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        env = "CHARTMESH_PASSPHRASE_FILE",
        hide_env_values = true
    )]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// Read the passphrase from one line of standard input
    #[arg(long, global = true, conflicts_with = "passphrase_file")]
    pub(crate) passphrase_stdin: bool,
}

impl PassphraseArgs {
    /// The passphrase, if the command line says where it is.
    pub(crate) fn given(&self) -> Outcome<Option<Secret>> {
        if self.passphrase_stdin {
            return line_of_stdin("a passphrase").map(Some);
        }
        self.passphrase_file.as_deref().map(first_line).transpose()
    }

    /// The passphrase of `whose`, asked for when the command line does not say where it is.
    pub(crate) fn existing(&self, whose: &str) -> Outcome<Secret> {
        match self.given()? {
            Some(secret) => Ok(secret),
            None => hidden(&format!("Passphrase of {whose}: ")),
        }
    }

    /// A new passphrase for `whose`, asked for twice.
    pub(crate) fn new_one(&self, whose: &str) -> Outcome<Secret> {
        chosen(self.given()?, whose)
    }
}

/// The passphrase of an export, which is another than the node's: from the first line of a file, or typed.
pub(crate) fn of_export(file: Option<&Path>) -> Outcome<Secret> {
    match file {
        Some(path) => first_line(path),
        None => hidden("Passphrase of the export: "),
    }
}

/// A new passphrase for `whose`, from the first line of a file of its own, or asked for twice.
pub(crate) fn another(file: Option<&Path>, whose: &str) -> Outcome<Passphrase> {
    let given = file.map(first_line).transpose()?;
    chosen(given, whose).map(|secret| Passphrase::new((*secret).clone()))
}

/// A new passphrase for `whose`, asked for twice unless it is given.
fn chosen(given: Option<Secret>, whose: &str) -> Outcome<Secret> {
    let passphrase = match given {
        Some(secret) => secret,
        None => {
            let first = hidden(&format!("New passphrase for {whose}: "))?;
            let second = hidden("The same again: ")?;
            if first != second {
                return Err(Failure::usage("the two passphrases differ; nothing was done"));
            }
            first
        }
    };
    match Passphrase::chosen((*passphrase).clone()) {
        Ok(_) => Ok(passphrase),
        Err(weak) => Err(Failure::usage(format!("nothing was done: {weak}"))),
    }
}

/// The 24 words of a patient or an institution: from a file, or typed.
pub(crate) fn words(whose: &str, file: Option<&Path>) -> Outcome<Secret> {
    let text = match file {
        Some(path) => whole(path)?,
        None => hidden(&format!("{whose} 24 words: "))?,
    };
    let words = Zeroizing::new(text.split_whitespace().collect::<Vec<_>>().join(" "));
    match words.split(' ').filter(|word| !word.is_empty()).count() {
        24 => Ok(words),
        n => Err(Failure::usage(format!("expected 24 words, found {n}"))),
    }
}

/// Reads what is typed without showing it.
fn hidden(question: &str) -> Outcome<Secret> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Locked, "a passphrase is needed, and there is no terminal to type it at")
            .next("give --passphrase-file FILE (or CHARTMESH_PASSPHRASE_FILE), or --passphrase-stdin; words come from --words-file"));
    }
    output::ask(question);
    rpassword::read_password().map(Zeroizing::new).map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot read from the terminal: {error}"))
    })
}

fn first_line(path: &Path) -> Outcome<Secret> {
    let text = whole(path)?;
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}

fn whole(path: &Path) -> Outcome<Secret> {
    let read = || {
        let mut text = Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX + 1));
        std::fs::File::open(path)?.take(SECRET_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| Failure::file("read", path, &error))?;
    if text.len() > SECRET_BYTES_MAX {
        return Err(Failure::usage(format!("{} is too long to hold a passphrase", path.display())));
    }
    Ok(text)
}

fn line_of_stdin(what: &str) -> Outcome<Secret> {
    let mut line = Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX + 1));
    std::io::stdin()
        .lock()
        .take(SECRET_BYTES_MAX as u64)
        .read_line(&mut line)
        .map_err(|error| Failure::new(Exit::Failed, format!("cannot read {what}: {error}")))?;
    let len = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(len);
    if line.is_empty() {
        return Err(Failure::usage(format!("standard input holds no {what}")));
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn args(path: &Path) -> PassphraseArgs {
        PassphraseArgs { passphrase_file: Some(path.to_owned()), passphrase_stdin: false }
    }

    #[test]
    fn a_passphrase_file_is_its_first_line() {
        let file = file("four plain words here\nsecond line\n");
        assert_eq!(*args(file.path()).new_one("x").unwrap(), "four plain words here");
    }

    #[test]
    fn an_empty_short_or_oversized_passphrase_is_refused() {
        for weak in ["\n", "x\n", "fourteen chars\n"] {
            let weak = args(file(weak).path()).new_one("x").unwrap_err();
            assert_eq!(weak.exit, Exit::Usage);
        }
        let long = file(&"x".repeat(5000));
        assert_eq!(args(long.path()).existing("x").unwrap_err().exit, Exit::Usage);
        let missing = args(Path::new("/nowhere/at/all"));
        assert_eq!(missing.existing("x").unwrap_err().exit, Exit::NotFound);
    }

    #[test]
    fn words_are_counted_whatever_the_space_between_them() {
        let good = file(&"abandon\n ".repeat(24));
        assert_eq!(words("x", Some(good.path())).unwrap().split(' ').count(), 24);
        let short = file("abandon ability");
        assert!(words("x", Some(short.path())).unwrap_err().text.contains("found 2"));
    }
}
