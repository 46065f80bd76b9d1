//! Every address of the console, and who may use it.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::routing::{MethodRouter, get, post};

use super::access::Access::{self, Anyone, Midway, Roles};
use super::access::Asked;
use super::error::PageError;
use super::prompts::change::LARGEST_BODY;
use super::{Console, access};
use super::{
    account, assets, audit, auth, calls, code, counter, inbox, keys, licences, live, menu, prompts,
    sound, staff, ticket, trace, transcript, trust, wall, work,
};
use crate::store::Stage;
use crate::ticket::Role;

/// One address.
pub(super) struct Route {
    /// As the handler takes it.
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    asked: Asked,
    handler: MethodRouter<Arc<Console>>,
}

const EVERYBODY: Access = Roles(&Role::ALL);
const CHANGES_TICKETS: Access =
    Roles(&[Role::Operator, Role::AgencyOfficer, Role::Supervisor, Role::Admin]);
const CALL_CENTRE: Access = Roles(&[Role::Operator, Role::Supervisor, Role::Admin]);
const SEES_ALL: Access = Roles(live::SEES_CALLS);
const WATCHES: Access = Roles(&[Role::Supervisor, Role::Auditor, Role::Admin]);
const DIRECTS: Access = Roles(&[Role::Supervisor, Role::Admin]);
const ADMIN: Access = Roles(&[Role::Admin]);

/// The table.
#[rustfmt::skip]
pub(super) fn table() -> Vec<Route> {
    let read = |path, access, handler| Route { method: Method::GET, path, access, asked: Asked::ByPerson, handler };
    let write = |path, access, handler| Route { method: Method::POST, ..read(path, access, handler) };
    let background = |path, access, handler| Route { asked: Asked::ByPage, ..read(path, access, handler) };
    vec![
        read("/aset/{name}", Anyone, get(assets::show)),
        read("/percaya", Anyone, get(trust::show)),
        read("/percaya/otoritas.crt", Anyone, get(trust::certificate)),
        read("/masuk", Anyone, get(auth::sign_in_page)),
        write("/masuk", Anyone, post(auth::sign_in)),
        read("/mulai/{token}", Anyone, get(auth::begin_page)),
        write("/mulai/{token}", Anyone, post(auth::begin)),
        read("/masuk/kode", Midway(Stage::Code), get(code::ask)),
        write("/masuk/kode", Midway(Stage::Code), post(code::take)),
        read("/masuk/pasang", Midway(Stage::Enrol), get(code::enrol_page)),
        write("/masuk/pasang", Midway(Stage::Enrol), post(code::enrol)),
        write("/keluar", EVERYBODY, post(auth::sign_out)),
        read("/sandi", EVERYBODY, get(auth::password_page)),
        write("/sandi", EVERYBODY, post(auth::change_password)),
        read("/akun", EVERYBODY, get(account::show)),
        write("/akun/pasang", EVERYBODY, post(account::begin)),
        write("/akun/pasang/kode", EVERYBODY, post(account::enrol)),
        write("/akun/lepas", EVERYBODY, post(account::drop_factor)),
        write("/akun/sesi", EVERYBODY, post(account::end_one)),
        write("/akun/sesi/lainnya", EVERYBODY, post(account::end_others)),
        read("/", EVERYBODY, get(inbox::home)),
        read("/kotak-masuk", EVERYBODY, get(inbox::show)),
        background("/peristiwa", EVERYBODY, get(live::events)),
        background("/hitungan", EVERYBODY, get(inbox::counts)),
        background("/kotak-masuk/hitungan", EVERYBODY, get(inbox::news)),
        read("/lisensi", EVERYBODY, get(licences::show)),
        read("/tombol", EVERYBODY, get(keys::show)),
        read("/tiket/{code}", EVERYBODY, get(ticket::show)),
        read("/tiket/{code}/berikutnya", EVERYBODY, get(work::skip)),
        background("/tiket/{code}/hadir", EVERYBODY, get(live::here)),
        read("/tiket/{code}/tanda-terima", CALL_CENTRE, get(counter::receipt)),
        read("/tiket/{code}/rekaman/{recording}", EVERYBODY, get(sound::listen)),
        read("/tiket/{code}/rekaman/{recording}/opus", EVERYBODY, get(sound::listen_to_opus)),
        read("/tiket/{code}/rekaman/{recording}/gelombang", EVERYBODY, get(sound::waveform)),
        write("/tiket/{code}/rekaman/{recording}/bagian/{position}", CALL_CENTRE, post(transcript::mend)),
        write("/tiket/{code}/rekaman/{recording}/didengar", CALL_CENTRE, post(work::heard)),
        write("/tiket/{code}/langkah", CHANGES_TICKETS, post(work::step)),
        write("/tiket/{code}/catatan", CHANGES_TICKETS, post(work::note)),
        write("/tiket/{code}/ambil", CALL_CENTRE, post(work::take)),
        write("/tiket/{code}/jenis", CALL_CENTRE, post(work::classify)),
        read("/loket", CALL_CENTRE, get(counter::show)),
        write("/loket", CALL_CENTRE, post(counter::open)),
        read("/panggilan", SEES_ALL, get(calls::list)),
        background("/panggilan/berlangsung", SEES_ALL, get(calls::going_on)),
        read("/panggilan/{call}", SEES_ALL, get(calls::show)),
        read("/panggilan/{call}/jejak.txt", SEES_ALL, get(trace::text)),
        read("/panggilan/{call}/jejak.pcap", SEES_ALL, get(trace::capture)),
        read("/prompt", SEES_ALL, get(prompts::list)),
        read("/prompt/{prompt}", SEES_ALL, get(prompts::one::show)),
        read("/prompt/{prompt}/suara", SEES_ALL, get(prompts::one::hear)),
        read("/prompt/{prompt}/suara/bawaan", SEES_ALL, get(prompts::one::hear_shipped)),
        read("/prompt/{prompt}/suara/{take}", SEES_ALL, get(prompts::one::hear_take)),
        write("/prompt/{prompt}/suara", DIRECTS, post(prompts::change::bring).layer(DefaultBodyLimit::max(LARGEST_BODY))),
        write("/prompt/{prompt}/pakai", DIRECTS, post(prompts::change::choose)),
        write("/prompt/{prompt}/teks", DIRECTS, post(prompts::change::retext)),
        read("/beranda", SEES_ALL, get(wall::show)),
        read("/beranda/angka", SEES_ALL, get(wall::figures)),
        read("/menu-suara", SEES_ALL, get(menu::show)),
        write("/menu-suara", DIRECTS, post(menu::edit::save)),
        write("/menu-suara/periksa", DIRECTS, post(menu::edit::check)),
        write("/menu-suara/banding", DIRECTS, post(menu::edit::compare)),
        write("/menu-suara/terbit", DIRECTS, post(menu::edit::publish)),
        read("/menu-suara/banding", SEES_ALL, get(menu::versions::compare)),
        read("/menu-suara/coba", SEES_ALL, get(menu::trial::show)),
        read("/menu-suara/versi/{number}", SEES_ALL, get(menu::versions::show)),
        write("/menu-suara/versi/{number}/terbit", DIRECTS, post(menu::versions::publish)),
        read("/audit", WATCHES, get(audit::show)),
        read("/petugas", ADMIN, get(staff::show)),
        write("/petugas", ADMIN, post(staff::add)),
        write("/petugas/{login}/sandi", ADMIN, post(staff::reset)),
        write("/petugas/{login}/ulang", ADMIN, post(staff::start_over)),
        write("/petugas/{login}/nonaktif", ADMIN, post(staff::disable)),
        write("/petugas/{login}/aktif", ADMIN, post(staff::enable)),
        write("/petugas/{login}/peran", ADMIN, post(staff::change_role)),
    ]
}

/// Every address that is only looked at, with names in braces: for whoever walks through all pages.
pub fn pages() -> impl Iterator<Item = &'static str> {
    table().into_iter().filter(|route| route.method == Method::GET).map(|route| route.path)
}

/// The console's addresses, to be merged with others behind the same web server.
pub fn routes(console: Arc<Console>) -> Router {
    let mut router = Router::new();
    for route in table() {
        let guard = from_fn_with_state((console.clone(), route.access, route.asked), access::guard);
        router = router.route(route.path, route.handler.layer(guard));
    }
    router
        .fallback(async || PageError::NotFound)
        .layer(map_response_with_state(console.clone(), access::harden))
        .with_state(console)
}
