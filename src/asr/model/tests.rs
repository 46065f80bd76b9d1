//! Models come whole or not at all.

use std::cell::RefCell;
use std::net::TcpListener;

use known::Remote;
use sums::Sum;

use super::*;

const QUIET: &dyn Fn(Told<'_>) = &|_| ();

#[test]
fn a_ggml_file_is_installed_under_a_name_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let source = folder.path().join("ggml-small.bin");
    fs::write(&source, ggml_check::tests::tiny()).unwrap();
    let made = install_from(&models, "whisper-mine", &source, QUIET).unwrap();
    let record = made.record.clone().unwrap();
    assert_eq!(fs::read(&made.path).unwrap(), ggml_check::tests::tiny());
    assert_eq!(
        (made.engine, record.origin.as_str()),
        (Engine::Whisper, "from a file, ggml-small.bin")
    );
    assert_eq!(record.sha256, Some(sums::sha256(&source).unwrap()));
    assert_eq!(installed(&models).unwrap(), [made]);
    assert_eq!(fs::read_dir(&models).unwrap().count(), 1, "something was left lying about");
}

#[test]
fn a_vosk_folder_is_installed_whole_and_replaces_another_model() {
    let folder = tempfile::tempdir().unwrap();
    let models = folder.path().join("models");
    let source = folder.path().join("unpacked/vosk-model-small-xy");
    for file in ["am/final.mdl", "conf/model.conf", "graph/phones/word_boundary.int"] {
        fs::create_dir_all(source.join(file).parent().unwrap()).unwrap();
        fs::write(source.join(file), file).unwrap();
    }
    let ggml = folder.path().join("ggml.bin");
    fs::write(&ggml, ggml_check::tests::tiny()).unwrap();
    install_from(&models, "mine", &ggml, QUIET).unwrap();
    let made = install_from(&models, "mine", &folder.path().join("unpacked"), QUIET).unwrap();
    assert_eq!((made.engine, made.path.clone()), (Engine::Vosk, models.join("mine")));
    for file in ["am/final.mdl", "conf/model.conf", "graph/phones/word_boundary.int"] {
        assert_eq!(fs::read_to_string(made.path.join(file)).unwrap(), file);
    }
    assert!(!made.path.join(FILE).exists());
    assert_eq!(fs::read_dir(&models).unwrap().count(), 1, "something was left lying about");
}

#[test]
fn what_is_no_model_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("page.html");
    let models = folder.path().join("models");
    for text in ["<html>", "x", "PK\x03\x04 cut short", "lmgg cut short"] {
        fs::write(&source, text).unwrap();
        install_from(&models, "whisper-small", &source, QUIET).unwrap_err();
    }
    let empty = install_from(&models, DEFAULT, folder.path(), QUIET);
    assert!(matches!(empty, Err(ModelError::Package { .. })));
    let nothing = install_from(&models, "mine", folder.path(), QUIET);
    assert!(matches!(nothing, Err(ModelError::NoModel(_))));
    assert_eq!(fs::read_dir(&models).unwrap().count(), 0);
}

#[test]
fn a_name_that_leads_elsewhere_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for name in ["", "..", "../x", "a/b", ".x", "Whisper"] {
        let refused = install_from(Path::new("/nowhere"), name, file.path(), QUIET);
        assert!(matches!(refused, Err(ModelError::Name(_))), "{name}");
    }
}

#[test]
fn what_a_killed_installation_left_is_swept_and_two_do_not_meet() {
    let models = tempfile::tempdir().unwrap();
    let left = models.path().join(format!("{WORK}x/made"));
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join(FILE), "half").unwrap();
    assert_eq!(installed(models.path()).unwrap(), []);
    let site = Site::enter(models.path()).unwrap();
    assert!(!left.exists());
    let second = Site::enter(models.path()).err().unwrap();
    assert!(matches!(second, ModelError::Busy(_)));
    assert!(site.made.exists(), "the second swept out the first");
    drop(site);
    assert_eq!(fs::read_dir(models.path()).unwrap().count(), 0);
}

/// A known model whose two files lie on a server that serves `second` for the second one.
fn two_files(second: &'static [u8]) -> &'static Known {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
            let first = lines.next().unwrap().starts_with("GET /conf/mfcc.conf ");
            lines.find(|line| line.is_empty());
            let body = if first { b"hello\n" } else { second };
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
            )
            .unwrap();
            stream.write_all(body).unwrap();
        }
    });
    // Both are the same few bytes.
    let sum = Sum::GitBlob("ce013625030ba8dba906f756967f9e9ca394464a");
    let file = |path| Remote { from: path, to: path, bytes: None, sum };
    let files = Vec::leak(vec![file("conf/mfcc.conf"), file("am/final.mdl")]);
    Box::leak(Box::new(Known {
        name: "vosk-xy",
        engine: Engine::Vosk,
        licence: "Apache-2.0",
        origin: "a test",
        bytes: 12,
        supply: Supply::Files { at: String::leak(at), files },
    }))
}

#[test]
fn a_model_of_several_files_is_downloaded_whole_or_not_at_all() {
    let models = tempfile::tempdir().unwrap();
    let told = RefCell::new(Vec::new());
    let tell = |what: Told<'_>| {
        if let Told::Bytes { done, total } = what {
            told.borrow_mut().push((done, total));
        }
    };
    let wrong = install_known(models.path(), two_files(b"hellO\n"), Duration::ZERO, &tell);
    let error = wrong.unwrap_err().to_string();
    assert!(error.contains("not the known file") && error.contains("--from FOLDER"), "{error}");
    assert_eq!(fs::read_dir(models.path()).unwrap().count(), 0);

    told.borrow_mut().clear();
    let made = install_known(models.path(), two_files(b"hello\n"), Duration::ZERO, &tell).unwrap();
    assert_eq!(told.borrow().last(), Some(&(6, 6)));
    assert_eq!(made.record.as_ref().unwrap().licence, "Apache-2.0");
    assert_eq!(fs::read(made.path.join("am/final.mdl")).unwrap(), b"hello\n");
    assert_eq!(installed(models.path()).unwrap(), [made]);
}

#[test]
fn what_is_carried_over_under_a_known_name_is_that_model_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (models, source) = (folder.path().join("models"), folder.path().join("model-id-id"));
    // Half of it, as a copy that was broken off leaves it: Vosk would call it a model.
    fs::create_dir_all(source.join("am")).unwrap();
    fs::write(source.join("am/final.mdl"), "the acoustic part").unwrap();
    let half = install_from(&models, "vosk-id", &source, QUIET).unwrap_err().to_string();
    assert!(half.contains("conf/mfcc.conf is missing"), "{half}");
    let ggml = folder.path().join("ggml-small.bin");
    fs::write(&ggml, ggml_check::tests::tiny()).unwrap();
    for name in ["whisper-small", DEFAULT] {
        let other = install_from(&models, name, &ggml, QUIET).unwrap_err().to_string();
        assert!(other.contains("give it another name"), "{other}");
    }
    assert_eq!(fs::read_dir(&models).unwrap().count(), 0);

    let known = two_files(b"hello\n");
    let record = || of_file(Engine::Vosk, &source, String::new());
    fs::create_dir_all(source.join("conf")).unwrap();
    fs::write(source.join("conf/mfcc.conf"), "hello\n").unwrap();
    let changed = verified(known, &source, record()).unwrap_err().to_string();
    assert!(changed.contains("am/final.mdl adds up to"), "{changed}");
    fs::write(source.join("am/final.mdl"), "hello\n").unwrap();
    assert_eq!(verified(known, &source, record()).unwrap().origin, "a test");
}
