//! What posts mean, and how they are acknowledged.

use super::*;
use crate::sms::gateway::tests::verify::{TWILIO, VONAGE, WHATSAPP, android, generic};

const SITI: &str = "+6281234567890";

fn whole(id: &str, to: Option<&str>, text: &str, sent_at: Option<Timestamp>) -> InboundMessage {
    InboundMessage {
        external_id: id.into(),
        from: SITI.into(),
        to: to.map(str::to_owned),
        text: text.into(),
        sent_at,
        part: None,
    }
}

fn kannel(query: &str) -> Post {
    Post::new("GET", &format!("http://127.0.0.1/hooks/sms/kannel?token=t&{query}"), "")
}

#[test]
fn kannel_s_request_is_read_as_it_was_seen() {
    let query = "from=%2B6281234567890&to=1708&text=Jalan+rusak+di+Baamang&id=8883c6ef-1&epoch=1795662000&charset=UTF-8&coding=0&udh=&smsc=FAKE";
    let expected = whole("8883c6ef-1", Some("1708"), "Jalan rusak di Baamang", Some(NOW));
    assert_eq!(kannel(query).message("kannel"), expected);
}

#[test]
fn kannel_s_letters_are_read_in_whatever_charset_they_come() {
    for (query, text) in [
        ("text=%F0%9F%98%80+%26+%2B&charset=UTF-8&coding=2", "😀 & +"),
        // Without mo-recode.
        ("text=%00J%D8%3D%DE%00&charset=UTF-16BE&coding=2", "J😀"),
        ("text=%00J%00a&coding=2", "Ja"),
        ("text=caf%E9&charset=ISO-8859-1&coding=1", "café"),
        ("text=caf%E9+%93x%94&coding=0", "café “x”"),
        ("text=", ""),
    ] {
        let post = kannel(&format!("from=0812&id=1&{query}"));
        assert_eq!(post.message("kannel").text, text, "{query}");
    }
}

#[test]
fn kannel_s_post_has_its_text_as_the_body() {
    let post = Post::new("POST", "http://x/?token=t&id=7&coding=0", "Jalan rusak")
        .header("content-type", "text/plain; charset=\"UTF-8\"")
        .header("x-kannel-from", SITI)
        .header("x-kannel-to", "1708");
    assert_eq!(post.message("kannel"), whole("7", Some("1708"), "Jalan rusak", None));
    let wide = Post::new("POST", "http://x/?id=7&from=0812", b"\x00J".to_vec())
        .header("x-kannel-coding", "2");
    assert_eq!(wide.message("kannel").text, "J");
}

#[test]
fn a_message_that_cannot_be_told_from_another_is_refused() {
    for (name, post, missing) in [
        ("kannel", kannel("from=1&text=a"), "id"),
        ("kannel", kannel("id=1&text=a"), "from"),
        ("kannel", kannel("id=1&from=1"), "text"),
        ("twilio", Post::form("http://x/", "From=1&Body=a"), "MessageSid"),
        ("jasmin", Post::form("http://x/", "from=1&content=a"), "id"),
        ("vonage", Post::form("http://x/", "msisdn=1&text=a"), "messageId"),
        ("gammu", Post::form("http://x/", "SMS_MESSAGES=1&SMS_1_NUMBER=1&SMS_1_TEXT=a"), "ID"),
        ("gammu", Post::form("http://x/", "ID=1"), "SMS_MESSAGES"),
        (
            "infobip",
            Post::json("http://x/", r#"{"results":[{"from":"1","text":"a"}]}"#),
            "messageId",
        ),
        (
            "smsgate",
            Post::json("http://x/", r#"{"event":"sms:received","id":"1","payload":{}}"#),
            "sender",
        ),
        ("generic", Post::json("http://x/", r#"{"type":"sms.received"}"#), "id"),
    ] {
        assert_eq!(post.parsed_by(name), Err(Malformed::Missing(missing)), "{name}");
    }
}

#[test]
fn kannel_s_delivery_reports_carry_our_reference() {
    for (dlr, state) in [
        ("1", Delivery::Delivered),
        ("2", Delivery::Failed),
        ("4", Delivery::Accepted),
        ("8", Delivery::Sent),
        ("16", Delivery::Failed),
    ] {
        let (reference, read, _) = kannel(&format!("ref=r-1&dlr={dlr}&reason=")).report("kannel");
        assert_eq!((reference.as_str(), read), ("r-1", state));
    }
    let (_, _, reason) =
        kannel("ref=r-1&dlr=2&reason=NACK%2F0x0000000b%2FInvalid").report("kannel");
    assert_eq!(reason.as_deref(), Some("NACK/0x0000000b/Invalid"));
    assert_eq!(kannel("ref=r-1&dlr=32").parsed_by("kannel"), Ok(Incoming::Nothing));
}

#[test]
fn an_android_telephone_tells_messages_reports_and_pings() {
    let expected = whole("Ey6ECgOkVVFjz3CL48B8C", None, "Lampu jalan mati", Some(NOW));
    assert_eq!(android().message("smsgate"), expected);
    let older = String::from_utf8(android().body).unwrap().replace("\"sender\"", "\"phoneNumber\"");
    assert_eq!(Post::json("http://x/", older).message("smsgate"), expected);
    let event = |event: &str, payload: &str| {
        Post::json("http://x/", format!(r#"{{"event":"{event}","id":"e","payload":{payload}}}"#))
    };
    for (name, payload, expected) in [
        ("sms:sent", r#"{"messageId":"r-1","partsCount":2}"#, (Delivery::Sent, None)),
        ("sms:delivered", r#"{"messageId":"r-1"}"#, (Delivery::Delivered, None)),
        (
            "sms:failed",
            r#"{"messageId":"r-1","reason":"No SIM"}"#,
            (Delivery::Failed, Some("No SIM".to_owned())),
        ),
        ("sms:cancelled", r#"{"messageId":"r-1"}"#, (Delivery::Failed, None)),
    ] {
        let (reference, state, reason) = event(name, payload).report("smsgate");
        assert_eq!((reference.as_str(), (state, reason)), ("r-1", expected), "{name}");
    }
    for other in ["system:ping", "app:started", "mms:received", "sms:data-received"] {
        assert_eq!(event(other, "{}").parsed_by("smsgate"), Ok(Incoming::Nothing));
    }
}

#[test]
fn twilio_s_form_is_a_message_or_a_status() {
    let message = Post::form("http://x/", TWILIO).message("twilio");
    let sid = "SM1f0e8ae6ade43cb3c0ce4525424e404f";
    assert_eq!(message, whole(sid, Some("+15005550006"), "Jalan rusak & banjir 😀", None));
    let report = |url, body: &str| Post::form(url, body).report("twilio");
    assert_eq!(
        report("http://x/?ref=r-1", "MessageSid=SM2&MessageStatus=undelivered&ErrorCode=30003"),
        ("r-1".into(), Delivery::Failed, Some("30003".into()))
    );
    assert_eq!(
        report("http://x/", "MessageSid=SM2&MessageStatus=sent"),
        ("SM2".into(), Delivery::Sent, None)
    );
    assert_eq!(
        report("http://x/", "MessageSid=SM2&MessageStatus=delivered").1,
        Delivery::Delivered
    );
}

#[test]
fn jasmin_s_letters_are_read_by_their_coding() {
    for (body, text) in [
        ("coding=0&content=email+a%00b.id+%11+%02+%1B%65", "email a@b.id _ $ €"),
        ("coding=0&content=caf%C3%A9", "café"),
        ("coding=3&content=caf%E9", "café"),
        ("coding=8&content=%D8%3D%DE%00", "😀"),
        ("coding=8&content=%3F%3F&binary=d83dde00", "😀"),
        ("content=biasa&binary=", "biasa"),
    ] {
        for post in [
            Post::form(
                "http://x/?token=t",
                format!("id=u-1&from={}&to=1708&{body}", "%2B6281234567890"),
            ),
            Post::new(
                "GET",
                &format!("http://x/?token=t&id=u-1&from=%2B6281234567890&to=1708&{body}"),
                "",
            ),
        ] {
            assert_eq!(post.message("jasmin"), whole("u-1", Some("1708"), text, None), "{body}");
        }
    }
    let latin1 = altered("jasmin", "username", "alphabet = \"latin1\"\nusername").unwrap();
    let post = Post::form("http://x/", "id=1&from=1&coding=0&content=a%40b%5B");
    let Ok(Incoming::Messages(messages)) = latin1.parse(&post.request()) else {
        panic!("no message")
    };
    assert_eq!(messages[0].text, "a@b[");
}

#[test]
fn jasmin_s_reports_are_by_our_reference() {
    let report = |body: &str| Post::form("http://x/?token=t&ref=r-1", body).report("jasmin");
    let delivered = "id=u-1&id_smsc=9&message_status=DELIVRD&level=2&err=000&donedate=2611261000";
    assert_eq!(report(delivered), ("r-1".into(), Delivery::Delivered, None));
    assert_eq!(report("id=u-1&message_status=ESME_ROK&level=1").1, Delivery::Sent);
    assert_eq!(report("id=u&message_status=UNDELIV&err=011").2.as_deref(), Some("UNDELIV 011"));
    assert_eq!(report("id=u&message_status=ESME_RINVDSTADR&level=1").1, Delivery::Failed);
}

#[test]
fn vonage_s_parts_are_told_as_parts() {
    let message = Post::form("http://x/", VONAGE).message("vonage");
    let part = Part { reference: "1".into(), number: 1, of: 2 };
    let expected =
        whole("0A0000000123ABCD1", Some("6281100000000"), "Jalan & jembatan = rusak", Some(NOW));
    assert_eq!(message, InboundMessage { part: Some(part), ..expected });
    // Rather whole than lost.
    for broken in
        ["concat-part=3", "concat-part=0", "concat-part=x", "concat-total=999&concat-part=1"]
    {
        let body = format!(
            "msisdn=6281234567890&messageId=1&text=a&concat=true&concat-ref=1&{broken}&concat-total=2"
        );
        assert_eq!(Post::form("http://x/", body).message("vonage").part, None, "{broken}");
    }
}

#[test]
fn vonage_tells_more_than_texts() {
    let of = |body: &str| Post::form("http://x/", body.to_owned());
    assert_eq!(of("").parsed_by("vonage"), Ok(Incoming::Nothing));
    assert_eq!(
        of("msisdn=62812&messageId=1&type=binary&data=00").parsed_by("vonage"),
        Ok(Incoming::Nothing)
    );
    assert_eq!(
        of("msisdn=BRI-INFO&messageId=1&type=unicode&text=%F0%9F%98%80").message("vonage").from,
        "BRI-INFO"
    );
    let status = "msisdn=628&messageId=1&client-ref=r-1&err-code=6&status=";
    assert_eq!(
        of(&format!("{status}delivered")).report("vonage"),
        ("r-1".into(), Delivery::Delivered, None)
    );
    assert_eq!(of(&format!("{status}expired")).report("vonage").2.as_deref(), Some("expired 6"));
    assert_eq!(
        of("messageId=1&status=buffered").report("vonage"),
        ("1".into(), Delivery::Sent, None)
    );
}

#[test]
fn infobip_s_batch_is_several_messages() {
    let batch = r#"{"results":[
        {"messageId":"817790313235066447","from":"6281234567890","to":"1708","text":"LAPOR Jalan rusak","cleanText":"Jalan rusak","keyword":"LAPOR","receivedAt":"2026-11-26T03:00:00.000+0000","smsCount":1,"price":{"pricePerMessage":0,"currency":"EUR"},"callbackData":null},
        {"messageId":"2","from":"BRI-INFO","text":"caf\ud83d"},
        {"messageId":"3","text":"tanpa pengirim"}
    ],"messageCount":3,"pendingMessageCount":0}"#;
    let Ok(Incoming::Messages(messages)) = Post::json("http://x/", batch).parsed_by("infobip")
    else {
        panic!("none")
    };
    assert_eq!(messages.len(), 2);
    assert_eq!(
        messages[0],
        whole("817790313235066447", Some("1708"), "LAPOR Jalan rusak", Some(NOW))
    );
    assert_eq!((messages[1].from.as_str(), messages[1].text.as_str()), ("BRI-INFO", "caf\u{fffd}"));
    assert_eq!(
        Post::json("http://x/", r#"{"results":[]}"#).parsed_by("infobip"),
        Ok(Incoming::Nothing)
    );
}

#[test]
fn infobip_s_reports_come_in_batches_too() {
    let batch = r#"{"results":[
        {"messageId":"r-1","to":"628","status":{"groupName":"DELIVERED","name":"DELIVERED_TO_HANDSET"},"error":{"name":"NO_ERROR"}},
        {"messageId":"r-2","to":"628","status":{"groupName":"UNDELIVERABLE","name":"UNDELIVERABLE_NOT_DELIVERED"},"error":{"name":"EC_ABSENT_SUBSCRIBER"}},
        {"messageId":"r-3","to":"628","status":{"groupName":"PENDING","name":"PENDING_ENROUTE"}}]}"#;
    let Ok(Incoming::Reports(reports)) = Post::json("http://x/", batch).parsed_by("infobip") else {
        panic!("none")
    };
    let read: Vec<_> =
        reports.iter().map(|r| (r.reference.as_str(), r.state, r.reason.as_deref())).collect();
    let failed = ("r-2", Delivery::Failed, Some("EC_ABSENT_SUBSCRIBER"));
    assert_eq!(read, [("r-1", Delivery::Delivered, None), failed, ("r-3", Delivery::Sent, None)]);
}

/// A post of WhatsApp's with other members in its value.
fn whatsapp(members: &str) -> Post {
    let body =
        format!(r#"{{"entry":[{{"changes":[{{"value":{{"metadata":{{}},{members}}}}}]}}]}}"#);
    Post::json("http://x/", body)
}

#[test]
fn whatsapp_s_texts_captions_and_buttons_are_words_and_the_rest_is_silence() {
    let id = "wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=";
    let message = Post::json("http://x/", WHATSAPP).message("whatsapp");
    assert_eq!(message, whole(id, Some("628110000000"), "Sampah menumpuk 😀", Some(NOW)));
    for (said, text) in [
        (r#""type":"image","image":{"id":"1","caption":"Lubang"}"#, "Lubang"),
        (r#""type":"audio","audio":{"id":"1"}"#, ""),
        (r#""type":"button","button":{"text":"Ya"}"#, "Ya"),
        (r#""type":"interactive","interactive":{"list_reply":{"title":"Jalan"}}"#, "Jalan"),
        (r#""type":"location","location":{"latitude":-2.5}"#, ""),
    ] {
        let post = whatsapp(&format!(r#""messages":[{{"from":"14155550100","id":"1",{said}}}]"#));
        let message = post.message("whatsapp");
        assert_eq!((message.from.as_str(), message.text.as_str()), ("+14155550100", text));
    }
    let reaction = whatsapp(
        r#""messages":[{"from":"628","id":"1","type":"reaction","reaction":{"emoji":"x"}}]"#,
    );
    assert_eq!(reaction.parsed_by("whatsapp"), Ok(Incoming::Nothing));
}

#[test]
fn whatsapp_s_statuses_are_reports() {
    let status = |members: &str| whatsapp(&format!(r#""statuses":[{{"id":"wamid.1",{members}}}]"#));
    let failed = r#""status":"failed","biz_opaque_callback_data":"r-1","errors":[{"code":131047,"title":"Re-engagement message"}]"#;
    let expected = ("r-1".into(), Delivery::Failed, Some("131047 Re-engagement message".into()));
    assert_eq!(status(failed).report("whatsapp"), expected);
    assert_eq!(
        status(r#""status":"read""#).report("whatsapp"),
        ("wamid.1".into(), Delivery::Delivered, None)
    );
    assert_eq!(status(r#""status":"deleted""#).parsed_by("whatsapp"), Ok(Incoming::Nothing));
}

#[test]
fn the_generic_hook_takes_one_or_several_and_parts() {
    assert_eq!(
        generic().message("generic"),
        whole("m-1", Some("1708"), "Pohon tumbang", Some(NOW))
    );
    let post = |body: &str| Post::json("http://x/", body);
    let parts = r#"{"type":"sms.received","data":[
        {"id":"1","from":"0812","text":"a","part":{"reference":"7","number":1,"of":2}},
        {"id":"2","from":"0812","text":"b","part":null},
        {"id":"3","from":"0812","text":"c","part":{"reference":"7","number":3,"of":2}}]}"#;
    let Ok(Incoming::Messages(messages)) = post(parts).parsed_by("generic") else { panic!("none") };
    assert_eq!(messages.iter().map(|m| m.text.as_str()).collect::<String>(), "ab");
    assert_eq!(messages[0].part, Some(Part { reference: "7".into(), number: 1, of: 2 }));
    let report = r#"{"type":"sms.report","data":{"reference":"r-1","state":"failed","reason":"no such number"}}"#;
    let expected = ("r-1".into(), Delivery::Failed, Some("no such number".into()));
    assert_eq!(post(report).report("generic"), expected);
    assert_eq!(post(r#"{"type":"ping"}"#).parsed_by("generic"), Ok(Incoming::Nothing));
    assert_eq!(post(r#"["#).parsed_by("generic"), Err(Malformed::Json { line: 1, column: 1 }));
}

#[test]
fn gammu_s_environment_is_a_message() {
    let of = |body: &str| Post::form("http://x/?token=t", body.to_owned()).message("gammu");
    let ids = "ID=IN20261126_100000_00_%2B6281234567890_00.txt&PHONE_ID=modem1&SMS_1_NUMBER=%2B6281234567890&SMS_1_CLASS=-1";
    let id = "IN20261126_100000_00_+6281234567890_00.txt";
    let one = of(&format!("{ids}&SMS_MESSAGES=1&DECODED_PARTS=0&SMS_1_TEXT=Jalan%0Arusak"));
    assert_eq!(one, whole(id, None, "Jalan\nrusak", None));
    // Put together by SMSD, and not.
    let pieces = format!("{ids}&SMS_MESSAGES=2&SMS_1_TEXT=Jalan+&SMS_2_TEXT=rusak");
    assert_eq!(
        of(&format!("{pieces}&DECODED_PARTS=1&DECODED_1_TEXT=Jalan+rusak+sekali")).text,
        "Jalan rusak sekali"
    );
    assert_eq!(of(&format!("{pieces}&DECODED_PARTS=0")).text, "Jalan rusak");
    assert_eq!(of(&format!("{pieces}&DECODED_PARTS=18446744073709551615")).text, "Jalan rusak");
}

#[test]
fn zenziva_s_inbox_is_read_from_its_xml() {
    let inbox = r#"<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE r [<!ENTITY a "aaaa">]>
        <response><message><id>41</id><tgl>2026-11-26</tgl><waktu>10:00:00</waktu>
        <isiPesan>Jalan &amp; jembatan &#x1F600; &a;<![CDATA[<rusak>]]></isiPesan><dari>+6281234567890</dari></message>
        <message><id>42</id><isiPesan>tanpa pengirim</isiPesan></message>
        <message><id>43</id><isiPesan>Pak & Bu</isiPesan><dari>+6281234567890</dari><tgl/></message></response>"#;
    let zenziva = gateway("zenziva");
    let first = whole("41", None, "Jalan & jembatan 😀 <rusak>", Some(NOW));
    let expected = Incoming::Messages(vec![first, whole("43", None, "Pak & Bu", None)]);
    assert_eq!(zenziva.polled(200, inbox.as_bytes()), Ok(expected));
    let empty = "<response><message><text>Message empty</text></message></response>";
    assert_eq!(zenziva.polled(200, empty.as_bytes()), Ok(Incoming::Nothing));
    assert_eq!(zenziva.polled(502, b"<html>"), Err(Malformed::Status(502)));
    assert_eq!(zenziva.polled(200, b"<response></message>"), Err(Malformed::Xml));
    // Cut off on the way: what was whole is kept, the rest comes again.
    let cut = &inbox[..inbox.find("<message><id>43").unwrap() + 40];
    assert!(
        matches!(zenziva.polled(200, cut.as_bytes()), Ok(Incoming::Messages(m)) if m.len() == 1)
    );
}

#[test]
fn each_gateway_hears_exactly_what_it_wants_to_hear() {
    let message = Incoming::Messages(vec![whole("1", None, "a", None)]);
    let report = Incoming::Reports(vec![DeliveryReport {
        reference: "r".into(),
        state: Delivery::Sent,
        reason: None,
    }]);
    let plain = "text/plain; charset=utf-8";
    for (name, kind, to_message, to_report) in [
        ("kannel", plain, "", ""),
        ("smsgate", plain, "", ""),
        (
            "twilio",
            "text/xml; charset=utf-8",
            r#"<?xml version="1.0" encoding="UTF-8"?><Response/>"#,
            "",
        ),
        ("jasmin", "text/plain", "ACK/Jasmin", "ACK/Jasmin"),
        ("vonage", plain, "", ""),
        ("infobip", plain, "", ""),
        ("whatsapp", plain, "", ""),
        ("generic", "application/json", r#"{"ok":true}"#, r#"{"ok":true}"#),
        ("gammu", plain, "", ""),
    ] {
        let ack = gateway(name).ack(&message);
        assert_eq!(
            (ack.status, ack.content_type, ack.body.as_str()),
            (200, kind, to_message),
            "{name}"
        );
        let ack = gateway(name).ack(&report);
        assert_eq!((ack.status, ack.body.as_str()), (200, to_report), "{name}");
    }
}
