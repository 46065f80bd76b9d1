//! Listening: in pieces, by a ticket's own recordings only, and always set down.

use super::*;

impl Office {
    async fn piece(&self, login: &str, path: &str, range: &str) -> Page {
        let request = Request::get(path)
            .header(header::COOKIE, format!("kentongan={login}"))
            .header(header::RANGE, range);
        self.ask(request.body(Body::empty()).unwrap()).await
    }
}

#[tokio::test]
async fn a_player_gets_the_pieces_that_it_asks_for() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let path =
        format!("/tiket/{}/rekaman/{}", ticket.code.digits(), office.recording_of(&ticket).await);
    let whole = office.get("petugas", &path).await;
    assert_eq!((whole.status, whole.body.len()), (StatusCode::OK, 8_044));
    assert_eq!(whole.headers[header::CONTENT_TYPE], "audio/wav");
    assert_eq!(whole.headers[header::ACCEPT_RANGES], "bytes");
    let part = office.piece("petugas", &path, "bytes=44-1043").await;
    assert_eq!(part.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers[header::CONTENT_RANGE], "bytes 44-1043/8044");
    assert_eq!(part.body, whole.body[44..1_044]);
    let end = office.piece("petugas", &path, "bytes=-44").await;
    assert_eq!(end.body, whole.body[8_000..]);
    let beyond = office.piece("petugas", &path, "bytes=8044-").await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.headers[header::CONTENT_RANGE], "bytes */8044");
    assert!(beyond.body.is_empty());
    for nonsense in ["bytes=9-3", "bytes=0-0,2-2,4-4", "bytes=x", "lines=1-2"] {
        let page = office.piece("petugas", &path, nonsense).await;
        assert_eq!((page.status, page.body.len()), (StatusCode::OK, 8_044), "{nonsense}");
    }
}

#[tokio::test]
async fn listening_is_set_down_once_and_each_download_by_itself() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let recording = office.recording_of(&ticket).await;
    let path = format!("/tiket/{}/rekaman/{recording}", ticket.code.digits());
    let before = office.deeds().await.len();
    // Beginning behind the first byte is listening too.
    for range in ["bytes=100-200", "bytes=0-", "bytes=4000-"] {
        office.piece("petugas", &path, range).await;
    }
    office.get("penyelia", &path).await;
    for _ in 0..2 {
        let page = office.get("auditor", &format!("{path}?unduh=1")).await;
        let name = format!("attachment; filename=\"{}-{recording}.wav\"", ticket.code);
        assert_eq!(page.headers[header::CONTENT_DISPOSITION], name.as_str());
    }
    office.clock.advance(Duration::from_secs(16 * 60));
    office.get("petugas", &path).await;
    let told = |who: &str, did: &str| format!("{who} {did} recording {recording}");
    let expected = [
        told("petugas", "listen"),
        told("penyelia", "listen"),
        told("auditor", "download"),
        told("auditor", "download"),
        told("petugas", "listen"),
    ];
    assert_eq!(office.deeds().await[before..], expected);
}

#[tokio::test]
async fn a_recording_is_reached_by_its_own_ticket_only_and_no_path_leads_to_a_file() {
    let office = Office::new().await;
    let (ticket, other) = (office.phoned(&[]).await, office.phoned(&[]).await);
    let theirs = office.recording_of(&other).await;
    let code = ticket.code.digits();
    std::fs::write(office.folder.path().join("rahasia.txt"), "rahasia").unwrap();
    for path in [
        format!("/tiket/{code}/rekaman/{theirs}"),
        format!("/tiket/{code}/rekaman/{theirs}/gelombang"),
        format!("/tiket/{code}/rekaman/999"),
        format!("/tiket/{code}/rekaman/-1"),
        "/tiket/48217362/rekaman/1".to_owned(),
        format!("/tiket/..%2f..%2frahasia.txt/rekaman/{theirs}"),
    ] {
        let page = office.get("petugas", &path).await;
        assert_eq!(page.status, StatusCode::NOT_FOUND, "{path}");
    }
    for path in [
        format!("/tiket/{code}/rekaman/..%2f..%2frahasia.txt"),
        format!("/tiket/{code}/rekaman/1.wav"),
    ] {
        let page = office.get("petugas", &path).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{path}");
    }
}

#[tokio::test]
async fn an_agency_reads_an_anonymous_report_and_does_not_hear_it() {
    let office = Office::new().await;
    let ticket = office.phoned(&["jalan rusak"]).await;
    office.route(&ticket).await;
    let code = ticket.code.digits();
    let path = format!("/tiket/{code}/rekaman/{}", office.recording_of(&ticket).await);
    assert_eq!(office.get("petugas_opd", &path).await.status, StatusCode::OK);
    let anonymous = Addition { anonymous: Some(true), ..Addition::default() };
    office.store().add_to_ticket(ticket.id, anonymous, NOW).await.unwrap();
    let deeds = office.deeds().await;
    for path in [path.clone(), format!("{path}?unduh=1"), format!("{path}/gelombang")] {
        assert_eq!(office.get("petugas_opd", &path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(office.deeds().await, deeds);
    let page = office.get("petugas_opd", &format!("/tiket/{code}")).await.text();
    assert!(page.contains("rusak") && page.contains(">anonim") && !page.contains("890"), "{page}");
    assert!(!page.contains("<audio") && !page.contains("data-seek"), "{page}");
    assert!(page.contains("<span class=\"at\">0:00</span>"), "{page}");
    assert_eq!(office.get("petugas", &path).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_recording_is_drawn_from_its_samples() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let path =
        format!("/tiket/{}/rekaman/{}", ticket.code.digits(), office.recording_of(&ticket).await);
    let drawn = office.get("petugas", &format!("{path}/gelombang")).await;
    assert_eq!(drawn.headers[header::CONTENT_TYPE], "image/svg+xml");
    let columns = drawn.text().matches('M').count();
    assert_eq!(columns, 480);
    // A file that is gone is no fault of the page.
    let row = office.view(&ticket.code).await.spoken.remove(0).recording;
    std::fs::remove_file(office.console.files.path(&row.file).unwrap()).unwrap();
    assert_eq!(
        office.get("petugas", &format!("{path}/gelombang")).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(office.get("petugas", &path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_recording_is_heard_as_opus_and_made_into_it_once() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let recording = office.recording_of(&ticket).await;
    let path = format!("/tiket/{}/rekaman/{recording}", ticket.code.digits());
    let before = office.deeds().await.len();
    let whole = office.get("petugas", &format!("{path}/opus")).await;
    assert_eq!(whole.status, StatusCode::OK);
    assert_eq!(whole.headers[header::CONTENT_TYPE], "audio/ogg");
    assert!(
        whole.body.starts_with(b"OggS") && whole.body.len() < 8_044 / 4,
        "{}",
        whole.body.len()
    );
    let cache = office.folder.path().join("cache/opus");
    let made = || cache.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let first = made();
    let length = whole.body.len();
    for (range, start, end) in [
        ("bytes=0-", 0, length),
        ("bytes=27-99", 27, 100),
        ("bytes=-10", length - 10, length),
        ("bytes=0-99999999999999999999999", 0, length),
    ] {
        let part = office.piece("petugas", &format!("{path}/opus"), range).await;
        assert_eq!(part.status, StatusCode::PARTIAL_CONTENT, "{range}");
        assert_eq!(part.body, whole.body[start..end], "{range}");
        let told = format!("bytes {start}-{}/{length}", end - 1);
        assert_eq!(part.headers[header::CONTENT_RANGE], told.as_str());
    }
    for nonsense in ["bytes=9-3", "bytes=0-0,2-2,4-4", "bytes=--1", "bytes=0-0\t,", "lines=1-2"] {
        let page = office.piece("petugas", &format!("{path}/opus"), nonsense).await;
        assert_eq!((page.status, page.body.len()), (StatusCode::OK, length), "{nonsense}");
    }
    for beyond in
        [format!("bytes={length}-"), "bytes=99999999999999999999-".into(), "bytes=-0".into()]
    {
        let page = office.piece("petugas", &format!("{path}/opus"), &beyond).await;
        assert_eq!(page.status, StatusCode::RANGE_NOT_SATISFIABLE, "{beyond}");
    }
    office.get("petugas", &path).await;
    assert_eq!(made(), first, "made once");
    let told = [format!("petugas listen recording {recording}")];
    assert_eq!(office.deeds().await[before..], told, "whatever the form, it is one listening");
}

#[tokio::test]
async fn what_cannot_be_made_into_opus_is_heard_as_wav() {
    let office = Office::new().await;
    let ticket = office.phoned(&[]).await;
    let recording = office.recording_of(&ticket).await;
    let path = format!("/tiket/{}/rekaman/{recording}", ticket.code.digits());
    let row = office.view(&ticket.code).await.spoken.remove(0).recording;
    let wav = office.console.files.path(&row.file).unwrap();
    std::fs::write(&wav, b"RIFF, and then the power went").unwrap();
    assert_eq!(office.get("petugas", &format!("{path}/opus")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(office.get("petugas", &path).await.status, StatusCode::OK);
    // Mended, it is another file, and to be had.
    write_wav(&wav, 4_000);
    assert_eq!(office.get("petugas", &format!("{path}/opus")).await.status, StatusCode::OK);
    let page = office.get("petugas", &format!("/tiket/{}", ticket.code.digits())).await.text();
    let (opus, wav) = (page.find("audio/ogg").unwrap(), page.find("audio/wav").unwrap());
    assert!(opus < wav, "the player tries Opus first");
}
