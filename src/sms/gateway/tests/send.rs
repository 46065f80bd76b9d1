//! What is sent, and what the answers mean.

use std::fmt::Write;

use super::*;

const TEXT: &str = "Laporan Anda diterima. Kode 4821-7360 [€5] & terima kasih";

fn outbound<'a>(text: &'a str) -> OutboundMessage<'a> {
    OutboundMessage { reference: "r-1", to: "+6281234567890", text, at: NOW }
}

fn told(call: &Call) -> String {
    let mut told = format!("{} {}\n", call.method, call.url);
    for (name, value) in &call.headers {
        writeln!(told, "{name}: {value}").unwrap();
    }
    writeln!(told, "{}", String::from_utf8(call.body.clone()).unwrap()).unwrap();
    told
}

#[test]
fn each_gateway_is_asked_in_its_own_way() {
    let mut all = String::new();
    for name in site().keys() {
        for text in [TEXT, "Kode 4821-7360 😀"] {
            writeln!(all, "# {name}").unwrap();
            match gateway(name).outbound(&outbound(text)) {
                Outbound::Http(call) => all += &told(&call),
                Outbound::Command(command) => {
                    let environment: Vec<_> =
                        command.environment.iter().map(|(k, v)| format!("{k}={v}")).collect();
                    let line = format!(
                        "{} {} {}",
                        environment.join(" "),
                        command.program,
                        command.arguments.join(" ")
                    );
                    writeln!(all, "{line}\n< {}", String::from_utf8(command.stdin).unwrap())
                        .unwrap();
                }
            }
        }
        if let Some(call) = gateway(name).poll() {
            write!(all, "# {name}, polled\n{}", told(&call)).unwrap();
        }
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_signature_of_ours_is_one_that_we_would_believe() {
    let generic = gateway("generic");
    let call = generic.send(&outbound(TEXT));
    let mut post = Post::new("POST", &call.url, call.body.clone());
    for (name, value) in &call.headers {
        post = post.header(name, value);
    }
    assert_eq!(post.verified_by(&*generic, NOW), Ok(()));
    // The same attempt later is another signature of the same id.
    let later = generic.send(&OutboundMessage { at: Timestamp(NOW.0 + 1000), ..outbound(TEXT) });
    assert_ne!(later.headers, call.headers);
    assert_eq!(later.body, call.body);
}

#[test]
fn kannel_gives_our_reference_back_once_it_has_filled_in_its_own_escapes() {
    let kannel = altered("kannel", "token-kannel-1", "100% & rahasia").unwrap();
    let call = kannel.send(&outbound("a"));
    let query = call.url.split_once('?').unwrap().1;
    let dlr_url = fields::Fields::of_query(query).text("dlr-url").unwrap();
    // What Kannel does with it.
    let filled =
        dlr_url.replace("%%", "\0").replace("%d", "1").replace("%A", "").replace('\0', "%");
    let post = Post::new("GET", &filled, "");
    assert_eq!(post.verified_by(&*kannel, NOW), Ok(()));
    let report =
        DeliveryReport { reference: "r-1".into(), state: Delivery::Delivered, reason: None };
    assert_eq!(kannel.parse(&post.request()), Ok(Incoming::Reports(vec![report])));
}

#[test]
fn messages_of_another_alphabet_are_sent_so_that_they_are_read_again() {
    let jasmin = gateway("jasmin");
    for text in [TEXT, "😀 漢字", "{}~@_$"] {
        let call = jasmin.send(&outbound(text));
        let sent = fields::Fields::of_form(&call.body);
        let coding = sent.text("coding").unwrap();
        let body =
            format!("id=1&from=1&coding={coding}&binary={}", sent.text("hex-content").unwrap());
        assert_eq!(Post::form("http://x/", body).message("jasmin").text, text);
    }
}

#[test]
fn answers_say_whether_to_try_again() {
    let accepted = |id: Option<&str>| Sent::Accepted { gateway_id: id.map(str::to_owned) };
    let refused = |reason: &str| Sent::Refused { reason: reason.into() };
    let later = |reason: &str| Sent::Later { reason: reason.into() };
    for (name, status, body, expected) in [
        ("kannel", 202, "0: Accepted for delivery", accepted(None)),
        ("kannel", 202, "3: Queued for later delivery", accepted(None)),
        (
            "kannel",
            403,
            "Authorization failed for sendsms",
            later("403 Authorization failed for sendsms"),
        ),
        (
            "kannel",
            404,
            "Not routable. Do not try again.",
            refused("404 Not routable. Do not try again."),
        ),
        (
            "kannel",
            503,
            "Temporal failure, try again later.",
            later("503 Temporal failure, try again later."),
        ),
        ("smsgate", 202, r#"{"id":"r-1","state":"Pending"}"#, accepted(Some("r-1"))),
        ("smsgate", 409, r#"{"message":"duplicate id"}"#, accepted(None)),
        (
            "smsgate",
            400,
            r#"{"message":"invalid phone number +6281234567890"}"#,
            refused("400 invalid phone number +..."),
        ),
        ("smsgate", 401, "Unauthorized", later("401")),
        ("twilio", 201, r#"{"sid":"SM1","status":"queued"}"#, accepted(Some("SM1"))),
        ("twilio", 200, "<html>", later("an answer without an id")),
        (
            "twilio",
            400,
            r#"{"code":21211,"message":"Invalid 'To' Phone Number: +628"}"#,
            refused("400 21211"),
        ),
        ("twilio", 401, r#"{"code":20003}"#, later("401 20003")),
        ("twilio", 429, r#"{"code":20429}"#, later("429 20429")),
        (
            "jasmin",
            200,
            "Success \"07033084-5cfd-4812-90a4-e4d24ffb6e3d\"",
            accepted(Some("07033084-5cfd-4812-90a4-e4d24ffb6e3d")),
        ),
        (
            "jasmin",
            400,
            "Error \"Argument [to] has an invalid value\"",
            refused("400 Error \"Argument [to] has an invalid value\""),
        ),
        ("jasmin", 412, "Error \"No route found\"", later("412 Error \"No route found\"")),
        (
            "vonage",
            200,
            r#"{"message-count":"2","messages":[{"status":"0","message-id":"A1"},{"status":"0","message-id":"A2"}]}"#,
            accepted(Some("A1")),
        ),
        (
            "vonage",
            200,
            r#"{"messages":[{"status":"1","error-text":"Throughput Rate Exceeded"}]}"#,
            later("1 Throughput Rate Exceeded"),
        ),
        (
            "vonage",
            200,
            r#"{"messages":[{"status":"9","error-text":"Quota Exceeded"}]}"#,
            later("9 Quota Exceeded"),
        ),
        (
            "vonage",
            200,
            r#"{"messages":[{"status":"6","error-text":"Unroutable"}]}"#,
            refused("6 Unroutable"),
        ),
        ("vonage", 200, r#"{"messages":[{"status":"0"},{"status":"1"}]}"#, refused("1")),
        ("vonage", 200, "<html>", later("502")),
        (
            "infobip",
            200,
            r#"{"messages":[{"messageId":"r-1","status":{"groupName":"PENDING","name":"PENDING_ACCEPTED"}}]}"#,
            accepted(Some("r-1")),
        ),
        (
            "infobip",
            200,
            r#"{"messages":[{"messageId":"r-1","status":{"groupName":"REJECTED","name":"REJECTED_NOT_ENOUGH_CREDITS"}}]}"#,
            later("REJECTED_NOT_ENOUGH_CREDITS"),
        ),
        (
            "infobip",
            200,
            r#"{"messages":[{"messageId":"r-1","status":{"groupName":"REJECTED","name":"REJECTED_DESTINATION"}}]}"#,
            refused("REJECTED_DESTINATION"),
        ),
        (
            "infobip",
            401,
            r#"{"requestError":{"serviceException":{"messageId":"UNAUTHORIZED"}}}"#,
            later("401 UNAUTHORIZED"),
        ),
        ("whatsapp", 200, r#"{"messages":[{"id":"wamid.1"}]}"#, accepted(Some("wamid.1"))),
        ("whatsapp", 400, r#"{"error":{"code":131047}}"#, refused("400 131047")),
        ("whatsapp", 400, r#"{"error":{"code":190}}"#, later("400 190")),
        ("whatsapp", 400, r#"{"error":{"code":131056}}"#, later("400 131056")),
        ("generic", 202, r#"{"id":"g-1"}"#, accepted(Some("g-1"))),
        ("generic", 204, "", accepted(None)),
        ("generic", 422, r#"{"error":"no such number"}"#, refused("422 no such number")),
        (
            "zenziva",
            200,
            r#"{"messageId":"5","to":"0812","status":"1","text":"Success"}"#,
            accepted(Some("5")),
        ),
        (
            "zenziva",
            200,
            "<response><message><messageId>5</messageId><status>0</status><text>Success</text></message></response>",
            accepted(Some("5")),
        ),
        (
            "zenziva",
            200,
            "<response><message><status>1</status><text>Nomor tujuan tidak valid</text></message></response>",
            refused("Nomor tujuan tidak valid"),
        ),
        (
            "zenziva",
            200,
            r#"{"status":"5","text":"Userkey / Passkey Salah"}"#,
            later("Userkey / Passkey Salah"),
        ),
    ] {
        assert_eq!(gateway(name).sent(status, body.as_bytes()), expected, "{name} {status} {body}");
    }
}

#[test]
fn a_dead_gateway_is_never_final() {
    for name in site().keys() {
        for status in [0, 302, 401, 403, 429, 500, 502, 503, 504] {
            let sent = gateway(name).sent(status, b"<html>nginx</html>");
            assert!(matches!(sent, Sent::Later { .. }), "{name} {status} {sent:?}");
        }
    }
}

#[test]
fn gammu_s_program_tells_the_id_or_fails_for_now() {
    let gammu = gateway("gammu");
    let said = b"gammu-smsd-inject[1]: Using FILES service\n57 / 0\nWritten message with ID /var/spool/gammu/outbox/OUTC20261126_031808_00_+6281234567890_sms0.smsbackup\n";
    let id = Some("OUTC20261126_031808_00".to_owned());
    assert_eq!(gammu.ran(Some(0), said), Sent::Accepted { gateway_id: id });
    let row = Sent::Accepted { gateway_id: Some("17".into()) };
    assert_eq!(gammu.ran(Some(0), b"Written message with ID 17\n"), row);
    assert_eq!(gammu.ran(Some(0), b""), Sent::Accepted { gateway_id: None });
    let failed = Sent::Later { reason: "exit status 1 cannot open".into() };
    assert_eq!(gammu.ran(Some(1), b"Using FILES service\ncannot open\n"), failed);
    assert_eq!(gammu.ran(None, b""), Sent::Later { reason: "killed".into() });
}
