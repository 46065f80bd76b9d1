//! People, sessions and the audit.

use super::*;
use crate::ticket::{Role, StaffId};

pub(super) fn doer(login: &str) -> Doer {
    Doer { login: login.into(), address: "192.0.2.7".into() }
}

fn new_staff(login: &str, role: Role) -> NewStaff {
    let agency = (role == Role::AgencyOfficer).then(|| "dpupr".into());
    let password = Password { hash: "$argon2id$x".into(), must_change: false };
    NewStaff { login: login.into(), name: "Siti Aminah".into(), role, agency, password }
}

pub(super) async fn somebody(store: &Store, login: &str, role: Role) -> StaffId {
    store.add_staff(new_staff(login, role), doer("cli"), NOW).await.unwrap()
}

#[tokio::test]
async fn somebody_is_found_by_login_in_any_case_and_only_once() {
    on_each_store(async |store| {
        let id = somebody(store, " Siti ", Role::Operator).await;
        let row = store.staff_by_login("SITI").await.unwrap().unwrap();
        assert_eq!((row.id, row.login.as_str(), row.role), (id, "siti", Role::Operator));
        let again = store.add_staff(new_staff("siti", Role::Admin), doer("cli"), NOW).await;
        assert!(matches!(again, Err(StaffError::Taken)), "{again:?}");
        assert_eq!(store.staff().await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn logins_that_would_mislead_are_refused() {
    let store = Store::in_memory().await.unwrap();
    for login in ["", "a", "siti aminah", "reporter", "cli", "file", "sití", "<b>", "a/b"] {
        let refused = store.add_staff(new_staff(login, Role::Operator), doer("cli"), NOW).await;
        assert!(matches!(refused, Err(StaffError::BadLogin)), "{login:?}: {refused:?}");
    }
}

#[tokio::test]
async fn an_officer_has_an_agency_and_nobody_else_has_one() {
    let store = Store::in_memory().await.unwrap();
    for (role, agency) in [
        (Role::AgencyOfficer, None),
        (Role::AgencyOfficer, Some("nowhere".to_owned())),
        (Role::Operator, Some("dpupr".to_owned())),
    ] {
        let new = NewStaff { agency, ..new_staff("siti", role) };
        let refused = store.add_staff(new.clone(), doer("cli"), NOW).await;
        assert!(matches!(refused, Err(StaffError::Agency)), "{new:?}: {refused:?}");
    }
}

#[tokio::test]
async fn the_first_admin_needs_the_newest_token_and_needs_it_once() {
    on_each_store(async |store| {
        store.await_first_admin("old").await.unwrap();
        store.await_first_admin("new").await.unwrap();
        assert!(!store.awaits_first_admin("old").await.unwrap());
        assert!(store.awaits_first_admin("new").await.unwrap());
        let become_admin = async |token: &str, login: &str| {
            store.first_admin(token, new_staff(login, Role::Operator), doer("console"), NOW).await
        };
        assert!(matches!(become_admin("old", "budi").await, Err(StaffError::Token)));
        become_admin("new", "budi").await.unwrap();
        assert_eq!(store.staff_by_login("budi").await.unwrap().unwrap().role, Role::Admin);
        assert!(matches!(become_admin("new", "siti").await, Err(StaffError::Token)));
        // A token that was made while somebody worked here already is worth nothing.
        store.await_first_admin("third").await.unwrap();
        assert!(!store.awaits_first_admin("third").await.unwrap());
        assert!(matches!(become_admin("third", "siti").await, Err(StaffError::Token)));
    })
    .await;
}

#[tokio::test]
async fn the_last_admin_stays() {
    let store = Store::in_memory().await.unwrap();
    somebody(&store, "budi", Role::Admin).await;
    let change =
        async |login: &str, change| store.change_staff(login, change, doer("budi"), NOW).await;
    let to_auditor = StaffChange::Role { role: Role::Auditor, agency: None };
    for away in [StaffChange::Disable, to_auditor.clone()] {
        assert!(matches!(change("budi", away).await, Err(StaffError::LastAdmin)));
    }
    somebody(&store, "siti", Role::Admin).await;
    change("budi", to_auditor).await.unwrap();
    assert!(matches!(change("siti", StaffChange::Disable).await, Err(StaffError::LastAdmin)));
    assert!(matches!(change("joko", StaffChange::Enable).await, Err(StaffError::Unknown)));
}

fn session(token: &str, replaces: Option<&str>, staff: StaffId) -> NewSession {
    NewSession {
        token: token.into(),
        replaces: replaces.map(Into::into),
        staff,
        doer: doer("siti"),
        stage: Stage::Full,
        secret: None,
        browser: String::new(),
        ends: after(12 * 3600),
    }
}

const IDLE: Duration = Duration::from_secs(1800);

#[tokio::test]
async fn a_session_ends_by_idleness_by_age_and_by_being_replaced() {
    on_each_store(async |store| {
        let siti = somebody(store, "siti", Role::Operator).await;
        let alive = async |token: &str, at| store.session(token, IDLE, at).await.unwrap().is_some();
        store.begin_session(session("a", None, siti), NOW).await.unwrap();
        assert!(alive("a", after(1799)).await, "and being seen keeps it");
        assert!(alive("a", after(1799 + 1799)).await);
        assert!(!alive("a", after(1799 + 1799 + 1801)).await, "idle");
        store.begin_session(session("b", Some("a"), siti), after(10)).await.unwrap();
        assert!(!alive("a", after(11)).await, "replaced");
        let mut at = 10;
        while at < 12 * 3600 {
            assert!(alive("b", after(at)).await, "{at}");
            at += 1700;
        }
        assert!(!alive("b", after(12 * 3600)).await, "too old, however busy");
    })
    .await;
}

#[tokio::test]
async fn whatever_changes_about_somebody_signs_them_out() {
    let store = Store::in_memory().await.unwrap();
    somebody(&store, "budi", Role::Admin).await;
    let siti = somebody(&store, "siti", Role::Operator).await;
    let password = Password { hash: "$argon2id$y".into(), must_change: true };
    for change in [
        StaffChange::Password(password),
        StaffChange::Role { role: Role::Supervisor, agency: None },
        StaffChange::Disable,
    ] {
        store.begin_session(session("a", None, siti), NOW).await.unwrap();
        assert!(store.session("a", IDLE, after(1)).await.unwrap().is_some());
        store.change_staff("siti", change.clone(), doer("budi"), NOW).await.unwrap();
        assert!(store.session("a", IDLE, after(1)).await.unwrap().is_none(), "{change:?}");
    }
    assert_eq!(store.password("siti").await.unwrap(), None, "nobody disabled has a password");
}

#[tokio::test]
async fn five_wrong_passwords_are_borne_and_the_sixth_waits_a_quarter_of_an_hour() {
    on_each_store(async |store| {
        let tried =
            async |account: &str, from: &str, at| store.try_login(account, from, at).await.unwrap();
        for n in 0..5 {
            assert_eq!(tried("siti", "192.0.2.7", after(n)).await, LoginTry::Allowed);
        }
        assert_eq!(tried("siti", "192.0.2.7", after(5)).await, LoginTry::LockedUntil(after(900)));
        assert_eq!(tried("siti", "192.0.2.8", after(5)).await, LoginTry::Allowed, "elsewhere");
        assert_eq!(tried("budi", "192.0.2.7", after(5)).await, LoginTry::Allowed, "somebody else");
        assert_eq!(tried("siti", "192.0.2.7", after(901)).await, LoginTry::Allowed);
        store.login_succeeded("siti", "192.0.2.7").await.unwrap();
        for n in 0..5 {
            assert_eq!(tried("siti", "192.0.2.7", after(902 + n)).await, LoginTry::Allowed);
        }
    })
    .await;
}

#[tokio::test]
async fn many_addresses_for_one_account_and_many_accounts_from_one_address_are_stopped_too() {
    let store = Store::in_memory().await.unwrap();
    let mut allowed = 0;
    for n in 0..100 {
        let from = format!("192.0.2.{n}");
        let tried = store.try_login("siti", &from, after(1)).await.unwrap();
        allowed += i32::from(tried == LoginTry::Allowed);
    }
    assert_eq!(allowed, 30);
    let mut allowed = 0;
    for n in 0..100 {
        let tried = store.try_login(&format!("{n}"), "198.51.100.1", after(1)).await.unwrap();
        allowed += i32::from(tried == LoginTry::Allowed);
    }
    assert_eq!(allowed, 50);
}

#[tokio::test]
async fn tries_at_the_same_time_are_not_more_than_tries_in_a_row() {
    let file = OnFile::new().await;
    let tries = (0..40).map(|_| {
        let store = file.store.clone();
        tokio::spawn(async move { store.try_login("siti", "192.0.2.7", after(1)).await.unwrap() })
    });
    let mut allowed = 0;
    for tried in tries.collect::<Vec<_>>() {
        allowed += i32::from(tried.await.unwrap() == LoginTry::Allowed);
    }
    assert_eq!(allowed, 5);
}

/// What somebody with the file in hand may run.
async fn tamper(store: &Store, statement: &'static str) -> Result<(), sqlx::Error> {
    let Db::Sqlite { readers, .. } = &store.db;
    sqlx::query(statement).execute(readers).await.map(drop)
}

async fn three_deeds(store: &Store) {
    for object in ["ticket 1", "ticket 2", "ticket 3"] {
        store.audit(doer("siti"), Deed::new("listen", object), NOW).await.unwrap();
    }
}

#[tokio::test]
async fn the_audit_is_sound_until_somebody_changes_a_row() {
    for (statement, broken) in [
        ("UPDATE audit SET object = 'ticket 9' WHERE id = 2", 2),
        ("UPDATE audit SET at = at + 1 WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 3),
        ("DELETE FROM audit WHERE id = 1", 2),
        ("UPDATE audit SET actor = 'sitia', address = '' WHERE id = 3", 3),
    ] {
        let store = Store::in_memory().await.unwrap();
        three_deeds(&store).await;
        assert!(matches!(store.verify_audit().await.unwrap(), Chain::Sound { rows: 3, .. }));
        assert!(tamper(&store, statement).await.is_err(), "the triggers refuse {statement}");
        for trigger in ["DROP TRIGGER audit_is_not_changed", "DROP TRIGGER audit_is_not_deleted"] {
            tamper(&store, trigger).await.unwrap();
        }
        tamper(&store, statement).await.unwrap();
        match store.verify_audit().await.unwrap() {
            Chain::Broken { id, .. } => assert_eq!(id, broken, "{statement}"),
            sound => panic!("{statement}: {sound:?}"),
        }
    }
}

#[tokio::test]
async fn one_who_listens_in_pieces_is_set_down_once() {
    on_each_store(async |store| {
        let listen = async |login: &str, at| {
            let deed = Deed::new("listen", "recording 7");
            store.audit_once(doer(login), deed, Duration::from_secs(900), at).await.unwrap();
        };
        listen("siti", NOW).await;
        listen("siti", after(10)).await;
        listen("budi", after(11)).await;
        listen("siti", after(901)).await;
        let rows = store.audit_before(&AuditAbout::default(), i64::MAX, 10).await.unwrap();
        let who: Vec<&str> = rows.iter().map(|row| row.actor.as_str()).collect();
        assert_eq!(who, ["siti", "budi", "siti"]);
    })
    .await;
}
