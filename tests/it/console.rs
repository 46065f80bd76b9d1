//! The console of a running hotline, and the commands beside it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::caller::kentongan;
use crate::hotline::{Hotline, get};

fn run(hotline: &Hotline, args: &[&str]) -> (Option<i32>, String) {
    let config = hotline.config();
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend_from_slice(args);
    let (output, text) = kentongan(&all, "");
    (output.status.code(), text)
}

/// The head of the answer to a form.
fn post(port: u16, path: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().0.to_owned()
}

#[tokio::test]
async fn a_new_hotline_says_where_its_first_admin_signs_up_until_somebody_works_there() {
    let hotline = Hotline::start("").unwrap();
    hotline.logs("the first admin signs up at ", 1).await;
    let log = hotline.log();
    let link = log.split("the first admin signs up at ").nth(1).unwrap().lines().next().unwrap();
    let path = link.strip_prefix(&format!("http://127.0.0.1:{}", hotline.web_port)).unwrap();
    assert_eq!(get(hotline.web_port, path).unwrap().0, 200);

    let add = ["user", "add", "siti", "--name", "Siti Aminah", "--role", "admin"];
    let (code, password) = run(&hotline, &add);
    assert_eq!(code, Some(0), "{password}");
    assert_eq!(get(hotline.web_port, path).unwrap().0, 404);
    let head = post(hotline.web_port, "/masuk", &format!("nama=siti&sandi={}", password.trim()));
    assert!(head.starts_with("HTTP/1.1 303") && head.contains("set-cookie: kentongan="), "{head}");

    let (_, list) = run(&hotline, &["user", "list"]);
    assert!(list.contains("siti") && list.contains("must change the password"), "{list}");
    let (code, told) = run(&hotline, &["user", "disable", "siti"]);
    assert_eq!(code, Some(1), "the last admin: {told}");
    let (code, told) =
        run(&hotline, &["user", "add", "rina", "--name", "Rina", "--role", "petugas_opd"]);
    assert_eq!(code, Some(1), "without an agency: {told}");
    let (code, told) = run(&hotline, &["audit", "verify"]);
    assert_eq!(code, Some(0), "{told}");
    // An admin is not in before the second factor: the audit holds the menu that came with the program and the one who was
    // added, and no sign-in.
    assert!(told.starts_with("sound: 2 rows"), "{told}");
}
