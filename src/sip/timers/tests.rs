#![expect(clippy::disallowed_methods, reason = "any instant will do, and only the clock makes one")]

use proptest::prelude::*;

use super::*;

const CONFIG: Config = Config { interval: Duration::from_secs(1800), min: Duration::from_secs(90) };

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn answer(fields: &[(&str, &str)], config: &Config) -> Result<Accepted, TooSmall> {
    SessionTimer::negotiate(&fields.iter().copied().collect(), config, Instant::now())
}

/// The Session-Expires of the 2xx, whether it requires the timer, and who refreshes.
fn granted(fields: &[(&str, &str)]) -> (String, bool, Refresher) {
    let accepted = answer(fields, &CONFIG).unwrap();
    let required = accepted.headers.contains(&("Require", "timer".to_owned()));
    (accepted.headers[0].1.clone(), required, accepted.timer.unwrap().refresher())
}

#[test]
fn the_table_of_section_9_is_kept() {
    use Refresher::{Them, Us};
    let known = ("Supported", "100rel, timer");
    for (fields, expires, required, refresher) in [
        (vec![("Session-Expires", "600")], "600;refresher=uas", false, Us),
        (vec![("x", "600"), known], "600;refresher=uac", true, Them),
        (vec![("Session-Expires", "600;refresher=uac"), known], "600;refresher=uac", true, Them),
        (vec![("Session-Expires", "600 ; Refresher = UAS"), known], "600;refresher=uas", true, Us),
        (vec![known], "1800;refresher=uac", true, Them),
    ] {
        assert_eq!(granted(&fields), (expires.to_owned(), required, refresher), "{fields:?}");
    }
}

#[test]
fn a_caller_without_timers_gets_none() {
    for fields in [&[][..], &[("Session-Expires", "soon")], &[("Supported", "replaces")]] {
        assert_eq!(answer(fields, &CONFIG), Ok(Accepted { timer: None, headers: Vec::new() }));
    }
}

#[test]
fn a_short_interval_is_refused_to_those_who_understand() {
    let config = Config { min: seconds(300), ..CONFIG };
    let known = ("Supported", "timer");
    assert_eq!(
        answer(&[("Session-Expires", "299"), known], &config),
        Err(TooSmall { min_se: seconds(300) })
    );
    assert!(answer(&[("Session-Expires", "300"), known], &config).is_ok());
    assert!(answer(&[("Session-Expires", "299")], &config).is_ok());
    let below_the_rfc = Config { min: seconds(1), ..CONFIG };
    assert_eq!(
        answer(&[("Session-Expires", "89"), known], &below_the_rfc),
        Err(TooSmall { min_se: seconds(90) })
    );
}

#[test]
fn a_long_interval_is_cut_but_not_below_their_minimum() {
    let known = ("Supported", "timer");
    assert_eq!(granted(&[("Session-Expires", "7200"), known]).0, "1800;refresher=uac");
    assert_eq!(
        granted(&[("Session-Expires", "7200"), ("Min-SE", "3600"), known]).0,
        "3600;refresher=uac"
    );
    assert_eq!(granted(&[("Min-SE", "3600"), known]).0, "3600;refresher=uac");
    assert_eq!(
        granted(&[("Session-Expires", "99999999999999999999"), known]).0,
        "1800;refresher=uac"
    );
}

#[test]
fn we_refresh_half_way_and_end_it_when_nothing_comes_back() {
    let start = Instant::now();
    let mut timer = SessionTimer::new(seconds(1800), Refresher::Us, start);
    assert_eq!(timer.poll_timeout(), start + seconds(900));
    assert_eq!(timer.handle_timeout(start + seconds(899)), None);
    assert_eq!(timer.handle_timeout(start + seconds(900)), Some(Due::Refresh));
    assert_eq!(timer.handle_timeout(start + seconds(901)), None);
    timer.refreshed(start + seconds(902));
    assert_eq!(timer.poll_timeout(), start + seconds(902 + 900));
    assert_eq!(timer.handle_timeout(start + seconds(1802)), Some(Due::Refresh));
    assert_eq!(timer.handle_timeout(start + seconds(902 + 1800 - 33)), None);
    assert_eq!(timer.handle_timeout(start + seconds(902 + 1800 - 32)), Some(Due::Expired));
}

#[test]
fn a_session_they_do_not_refresh_ends_shortly_before_its_time() {
    let start = Instant::now();
    let mut timer = SessionTimer::new(seconds(90), Refresher::Them, start);
    assert_eq!(timer.poll_timeout(), start + seconds(60));
    timer.refreshed(start + seconds(45));
    assert_eq!(timer.handle_timeout(start + seconds(60)), None);
    assert_eq!(timer.handle_timeout(start + seconds(105)), Some(Due::Expired));
}

#[test]
fn as_caller_we_do_as_the_2xx_says() {
    let now = Instant::now();
    let with =
        |value| SessionTimer::granted(&[("Session-Expires", value)].into_iter().collect(), now);
    assert_eq!(
        with("600;refresher=uas"),
        Some(SessionTimer::new(seconds(600), Refresher::Them, now))
    );
    assert_eq!(
        with("600;refresher=uac"),
        Some(SessionTimer::new(seconds(600), Refresher::Us, now))
    );
    assert_eq!(with("600").unwrap().refresher(), Refresher::Us);
    assert_eq!(SessionTimer::granted(&Headers::default(), now), None);
    assert_eq!(with("600;refresher=uas").unwrap().request_headers()[1].1, "600;refresher=uas");
}

#[test]
fn our_first_request_asks_and_the_second_one_asks_for_enough() {
    let asked =
        |min_se| request_headers(&CONFIG, min_se).into_iter().map(|(_, v)| v).collect::<Vec<_>>();
    assert_eq!(asked(None), ["timer", "1800"]);
    assert_eq!(asked(Some(seconds(3600))), ["timer", "3600", "3600"]);
    assert_eq!(min_se(&[("Min-SE", "3600")].into_iter().collect()), Some(seconds(3600)));
}

proptest! {
    #[test]
    fn every_agreed_interval_is_long_enough_and_ends(
        wanted in proptest::option::of(0u64..200_000), min in proptest::option::of(0u64..200_000),
        knows: bool, interval in 0u64..100_000, ours in 0u64..100_000,
    ) {
        let (wanted, min) = (wanted.map(|w| w.to_string()), min.map(|m| m.to_string()));
        let mut fields = Vec::new();
        fields.extend(wanted.as_deref().map(|w| ("Session-Expires", w)));
        fields.extend(min.as_deref().map(|m| ("Min-SE", m)));
        fields.extend(knows.then_some(("Supported", "timer")));
        let now = Instant::now();
        let config = Config { interval: seconds(interval), min: seconds(ours) };
        if let Ok(Accepted { timer: Some(mut timer), .. }) =
            SessionTimer::negotiate(&fields.iter().copied().collect(), &config, now)
        {
            prop_assert!(!knows || timer.interval() >= LEAST);
            prop_assert!(timer.poll_timeout() >= now && timer.poll_timeout() <= now + timer.interval());
            let end = now + timer.interval();
            let first = timer.handle_timeout(end);
            let second = timer.handle_timeout(end);
            prop_assert!(first == Some(Due::Expired) || second == Some(Due::Expired));
        }
    }
}
