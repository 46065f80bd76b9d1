//! Who is believed.

use std::time::Duration;

use super::*;

pub const ANDROID: &str = r#"{"deviceId":"ffffffffceb0b1db","event":"sms:received","id":"Ey6ECgOkVVFjz3CL48B8C","webhookId":"LreFUt-Z3sSq0JufY9uWB","payload":{"messageId":"abc123","message":"Lampu jalan mati","sender":"+6281234567890","recipient":null,"simNumber":1,"receivedAt":"2026-11-26T10:00:00.000+07:00"}}"#;
pub const TWILIO: &str = "MessageSid=SM1f0e8ae6ade43cb3c0ce4525424e404f&AccountSid=AC5ef8732a3c49700934481addd5ce1659&From=%2B6281234567890&To=%2B15005550006&Body=Jalan+rusak+%26+banjir+%F0%9F%98%80&NumMedia=0&NumSegments=1&FromCountry=ID";
pub const VONAGE: &str = "msisdn=6281234567890&to=6281100000000&messageId=0A0000000123ABCD1&text=Jalan+%26+jembatan+%3D+rusak&type=text&keyword=JALAN&message-timestamp=2026-11-26+03%3A00%3A00&timestamp=1795662000&nonce=ec11dd3e-1e7f-4db5-9467-82b02cd223b9&concat=true&concat-ref=1&concat-total=2&concat-part=1&sig=f7c46c9348f6d07cb042e0a5cc254a37c393d81be6443d397c85f82c59db15ec";
pub const WHATSAPP: &str = r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{"messaging_product":"whatsapp","metadata":{"display_phone_number":"628110000000","phone_number_id":"106540352242922"},"contacts":[{"profile":{"name":"Siti"},"wa_id":"6281234567890"}],"messages":[{"from":"6281234567890","id":"wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTRBNjU5OUFFRTAzODEwMTQ0RgA=","timestamp":"1795662000","type":"text","text":{"body":"Sampah menumpuk \ud83d\ude00"}}]},"field":"messages"}]}]}"#;
pub const GENERIC: &str = r#"{"type":"sms.received","data":{"id":"m-1","from":"+6281234567890","to":"1708","text":"Pohon tumbang","sent_at":"2026-11-26T10:00:00+07:00"}}"#;

const HOOK: &str = "https://hotline.example/hooks/sms/x";

pub fn android() -> Post {
    let right = "715adb70047577b8a2f62904535f66f9eb1b8a6fcde42f166ff3b57904159b83";
    Post::json(HOOK, ANDROID).header("x-signature", right).header("x-timestamp", "1795662000")
}

pub fn generic() -> Post {
    Post::json(HOOK, GENERIC)
        .header("webhook-id", "evt-1")
        .header("webhook-timestamp", "1795662000")
        .header("webhook-signature", "v1,5GBCe+diTz4v5RP/BAvaRYnzRa2XEsBeypshq9hQb5Y=")
}

fn twilio(signature: &str) -> Post {
    Post::form("http://127.0.0.1:8080/hooks/sms/twilio", TWILIO)
        .header("x-twilio-signature", signature)
}

fn whatsapp() -> Post {
    let right = "sha256=a6c87a915d3890eb4ca2932e423656bd7123003e7f48b938c4b26fb838161fc6";
    Post::json(HOOK, WHATSAPP).header("x-hub-signature-256", right)
}

/// The post with one byte of its body changed.
fn tampered(mut post: Post) -> Post {
    let last = post.body.len() / 2;
    post.body[last] ^= 1;
    post
}

fn minutes(minutes: u64) -> Timestamp {
    NOW + Duration::from_secs(60 * minutes)
}

#[test]
fn a_right_signature_is_believed_and_a_changed_body_is_not() {
    let signed = [
        ("smsgate", android()),
        ("twilio", twilio("WCx5Lhywvxx/ztZVqzop8H1xuQk=")),
        ("vonage", Post::form(HOOK, VONAGE)),
        ("whatsapp", whatsapp()),
        ("generic", generic()),
    ];
    for (name, post) in signed {
        let gateway = gateway(name);
        assert_eq!(post.verified_by(&*gateway, NOW), Ok(()), "{name}");
        assert_eq!(
            tampered(post).verified_by(&*gateway, NOW),
            Err(Unverified::WrongSignature),
            "{name}"
        );
        let bare = Post::json(HOOK, "{}");
        assert_eq!(bare.verified_by(&*gateway, NOW), Err(Unverified::NoSignature), "{name}");
    }
}

#[test]
fn a_signature_by_an_unknown_key_is_not_believed() {
    for (name, post, from) in [
        ("smsgate", android(), "kunci-android-1"),
        ("twilio", twilio("WCx5Lhywvxx/ztZVqzop8H1xuQk="), "kunci-twilio-1"),
        ("vonage", Post::form(HOOK, VONAGE), "kunci-vonage"),
        ("whatsapp", whatsapp(), "kunci-whatsapp"),
        ("generic", generic(), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ] {
        let other = altered(name, from, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
        assert_eq!(post.verified_by(&*other, NOW), Err(Unverified::WrongSignature), "{name}");
    }
}

#[test]
fn both_keys_are_believed_while_one_replaces_the_other() {
    let second = "41e9c248d8ea524f7377fdbe54d12fdd3b56814b02e12831c3b40bdde2670b61";
    let android = android().header("x-signature", &second.to_uppercase());
    assert_eq!(android.verified_by(&*gateway("smsgate"), NOW), Ok(()));
    // Both of the sender's keys in one header, ours known only by the second.
    let both = "v1,AAAA v1a,zzz v1,WNOfhDCW/ZspgBR9l6s6+TZ+7F7VS1ToCftxtiL3XD0=";
    let generic = generic().header("webhook-signature", both);
    assert_eq!(generic.verified_by(&*gateway("generic"), NOW), Ok(()));
    for token in ["token-kannel-1", "token-kannel-2"] {
        let post = Post::new("GET", &format!("{HOOK}?token={token}"), "");
        assert_eq!(post.verified_by(&*gateway("kannel"), NOW), Ok(()));
    }
}

#[test]
fn a_post_that_is_replayed_later_is_stale_and_one_replayed_at_once_is_the_same_message() {
    for (name, post) in
        [("smsgate", android()), ("vonage", Post::form(HOOK, VONAGE)), ("generic", generic())]
    {
        let gateway = gateway(name);
        assert_eq!(post.verified_by(&*gateway, minutes(5)), Ok(()), "{name}");
        let late = NOW + Duration::from_secs(301);
        assert_eq!(post.verified_by(&*gateway, late), Err(Unverified::Stale), "{name}");
        let early = Timestamp(NOW.0 - 301_000);
        assert_eq!(post.verified_by(&*gateway, early), Err(Unverified::Stale), "{name}");
        assert_eq!(post.message(name).external_id, post.clone().message(name).external_id);
    }
    // The time is signed as well: it cannot be set to now.
    let renewed = android().header("x-timestamp", "1795663000");
    assert_eq!(
        renewed.verified_by(&*gateway("smsgate"), minutes(16)),
        Err(Unverified::WrongSignature)
    );
    let renewed = generic().header("webhook-timestamp", "1795663000");
    assert_eq!(
        renewed.verified_by(&*gateway("generic"), minutes(16)),
        Err(Unverified::WrongSignature)
    );
    // And so is the id.
    let renamed = generic().header("webhook-id", "evt-2");
    assert_eq!(renamed.verified_by(&*gateway("generic"), NOW), Err(Unverified::WrongSignature));
}

#[test]
fn signatures_without_a_time_are_told_apart_from_wrong_ones() {
    let mut post = android();
    post.headers.remove("x-timestamp");
    assert_eq!(post.verified_by(&*gateway("smsgate"), NOW), Err(Unverified::NoTime));
    let mut post = generic();
    post.headers.remove("webhook-timestamp");
    assert_eq!(post.verified_by(&*gateway("generic"), NOW), Err(Unverified::NoTime));
}

#[test]
fn twilio_s_own_example_is_believed() {
    let example = altered("twilio", "kunci-twilio-1", "12345").unwrap();
    let with_address = |url| {
        let body = "CallSid=CA1234567890ABCDE&Caller=%2B12349013030&Digits=1234&From=%2B12349013030&To=%2B18005551212";
        Post::form(url, body).header("x-twilio-signature", "0/KCTR6DLpKmkAf8muzZqo1nDgQ=")
    };
    // As configured: not what was asked for.
    let post = with_address("https://mycompany.com/myapp.php?foo=1&bar=2");
    assert_eq!(post.verified_by(&*example, NOW), Err(Unverified::WrongSignature));
    let url = "https://mycompany.com/myapp.php";
    let config = SITE
        .replace("kunci-twilio-1", "12345")
        .replace("https://hotline.example/hooks/sms/twilio", url);
    let site: BTreeMap<String, Config> = toml::from_str(&config).unwrap();
    assert_eq!(post.verified_by(&*site["twilio"].gateway().unwrap(), NOW), Ok(()));
    // Without an address in the file it is the request's.
    let config = SITE
        .replace("kunci-twilio-1", "12345")
        .replace("public_url = \"https://hotline.example/hooks/sms/twilio\"", "");
    let site: BTreeMap<String, Config> = toml::from_str(&config).unwrap();
    assert_eq!(post.verified_by(&*site["twilio"].gateway().unwrap(), NOW), Ok(()));
}

#[test]
fn twilio_may_sign_with_the_port_or_a_query_or_by_get() {
    let twilio_gateway = gateway("twilio");
    assert_eq!(twilio("+CYGBzfvde4nKA9piDyhUeLJhUs=").verified_by(&*twilio_gateway, NOW), Ok(()));
    let report = Post::form(
        "http://x/hooks/sms/twilio?ref=r-1",
        "MessageSid=SM2&MessageStatus=undelivered&ErrorCode=30003",
    );
    let report = report.header("x-twilio-signature", "QdDPbka5WzyfQoe40/HrRuVBHfk=");
    assert_eq!(report.verified_by(&*twilio_gateway, NOW), Ok(()));
    let get = Post::new(
        "GET",
        "http://x/hooks/sms/twilio?MessageSid=SM3&From=%2B6281234567890&Body=halo",
        "",
    );
    let get = get.header("x-twilio-signature", "NjaH7AnHC01IpT+4Su8Kxwj3tjA=");
    assert_eq!(get.verified_by(&*twilio_gateway, NOW), Ok(()));
    assert_eq!(get.message("twilio").text, "halo");
}

#[test]
fn vonage_signs_get_form_and_json_alike() {
    let vonage = gateway("vonage");
    let get = Post::new("GET", &format!("{HOOK}?{VONAGE}"), "");
    assert_eq!(get.verified_by(&*vonage, NOW), Ok(()));
    let members: BTreeMap<String, String> = fields::Fields::of_query(VONAGE)
        .iter()
        .map(|(name, value)| (name.to_owned(), String::from_utf8(value.to_vec()).unwrap()))
        .collect();
    let json = Post::json(HOOK, serde_json::to_vec(&members).unwrap());
    assert_eq!(json.verified_by(&*vonage, NOW), Ok(()));
    assert_eq!(json.message("vonage"), get.message("vonage"));
    // A day of repeats with their first time, where a site allows it.
    let patient = altered("vonage", "key =", "window_seconds = 86400\nkey =").unwrap();
    assert_eq!(get.verified_by(&*patient, minutes(60 * 23)), Ok(()));
}

#[test]
fn gateways_that_sign_nothing_need_the_token_and_the_network() {
    for (name, token) in [
        ("kannel", "token-kannel-1"),
        ("jasmin", "token-jasmin"),
        ("infobip", "token-infobip"),
        ("gammu", "1234567890"),
    ] {
        let gateway = gateway(name);
        let post = |query: &str| Post::new("GET", &format!("{HOOK}{query}"), "");
        let right = post(&format!("?a=b&token={token}"));
        assert_eq!(right.verified_by(&*gateway, NOW), Ok(()), "{name}");
        assert_eq!(post("").verified_by(&*gateway, NOW), Err(Unverified::NoToken), "{name}");
        for wrong in ["", "x", &token[1..], &format!("{token}1")] {
            let wrong = post(&format!("?token={wrong}"));
            assert_eq!(wrong.verified_by(&*gateway, NOW), Err(Unverified::WrongToken), "{name}");
        }
    }
    let right = Post::new("GET", &format!("{HOOK}?token=token-kannel-1"), "");
    let kannel = gateway("kannel");
    for inside in ["127.0.0.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(right.clone().peer(inside).verified_by(&*kannel, NOW), Ok(()), "{inside}");
    }
    for outside in ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"] {
        assert_eq!(
            right.clone().peer(outside).verified_by(&*kannel, NOW),
            Err(Unverified::Address),
            "{outside}"
        );
    }
}

#[test]
fn whatsapp_is_told_that_the_hook_is_ours() {
    let ask = |token: &str| {
        let query =
            format!("?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}");
        Post::new("GET", &format!("{HOOK}{query}"), "")
    };
    let whatsapp = gateway("whatsapp");
    assert_eq!(ask("salah").verified_by(&*whatsapp, NOW), Err(Unverified::WrongToken));
    let right = ask("token-whatsapp");
    assert_eq!(right.verified_by(&*whatsapp, NOW), Ok(()));
    let challenge = whatsapp.parse(&right.request()).unwrap();
    assert_eq!(challenge, Incoming::Challenge("1158201444".into()));
    assert_eq!(whatsapp.ack(&challenge), Ack::plain("1158201444"));
}

#[test]
fn zenziva_does_not_post() {
    let post = Post::form(HOOK, "token=x");
    assert_eq!(post.verified_by(&*gateway("zenziva"), NOW), Err(Unverified::NoHook));
}
