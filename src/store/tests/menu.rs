//! Versions of the menu, and the ways counted when calls end.

use super::staff::doer;
use super::*;

fn version(text: &str, state: MenuState, base: Option<i64>) -> NewMenu {
    NewMenu {
        text: text.into(),
        state,
        origin: MenuOrigin::Console,
        note: " jam baru ".into(),
        base,
        nonce: None,
    }
}

async fn added(store: &Store, new: NewMenu) -> Result<i64, MenuError> {
    store.add_menu(new, doer("siti"), NOW).await
}

#[tokio::test]
async fn the_newest_published_version_is_the_one_that_answers() {
    on_each_store(async |store| {
        assert_eq!(store.menu_published_number().await.unwrap(), None);
        assert!(store.menu_published().await.unwrap().is_none());
        added(store, version("a", MenuState::Published, None)).await.unwrap();
        added(store, version("b", MenuState::Draft, Some(1))).await.unwrap();
        assert_eq!(store.menu_published().await.unwrap().unwrap().text, "a");
        assert_eq!(store.menu_newest().await.unwrap().unwrap().text, "b");
        let third = added(store, version("b", MenuState::Published, Some(2))).await.unwrap();
        let row = store.menu_published().await.unwrap().unwrap();
        assert_eq!((row.number, row.text.as_str(), row.note.as_str()), (third, "b", "jam baru"));
        assert_eq!(store.menu_published_number().await.unwrap(), Some(third));
        let numbers: Vec<i64> =
            store.menus_before(3, 9).await.unwrap().iter().map(|row| row.number).collect();
        assert_eq!(numbers, [2, 1]);
        assert_eq!(store.menu(1).await.unwrap().unwrap().text, "a");
        assert!(store.menu_has("a").await.unwrap() && !store.menu_has("c").await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn who_writes_on_an_older_version_is_told_and_nothing_is_added() {
    on_each_store(async |store| {
        added(store, version("a", MenuState::Published, None)).await.unwrap();
        for base in [None, Some(0), Some(2)] {
            let stale = added(store, version("b", MenuState::Draft, base)).await;
            assert!(matches!(stale, Err(MenuError::Stale)), "{base:?}: {stale:?}");
        }
        for state in [MenuState::Draft, MenuState::Published] {
            let same = added(store, version("a", state, Some(1))).await;
            assert!(matches!(same, Err(MenuError::Same(1))), "{same:?}");
        }
        assert_eq!(store.menus_before(i64::MAX, 9).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_form_twice_is_one_version_and_each_version_has_its_audit_row() {
    on_each_store(async |store| {
        let form = NewMenu { nonce: Some("n".into()), ..version("a", MenuState::Published, None) };
        assert_eq!(added(store, form.clone()).await.unwrap(), 1);
        assert_eq!(added(store, form).await.unwrap(), 1);
        added(store, version("b", MenuState::Draft, Some(1))).await.unwrap();
        let audit = store.audit_before(&AuditAbout::default(), i64::MAX, 9).await.unwrap();
        let deeds: Vec<_> =
            audit.iter().map(|row| (row.action.as_str(), row.object.as_str())).collect();
        assert_eq!(deeds, [("menu_draft", "menu 2"), ("menu_publish", "menu 1")]);
        assert_eq!(audit[0].detail, "jam baru");
    })
    .await;
}

#[tokio::test]
async fn a_version_can_be_neither_changed_nor_deleted() {
    let store = Store::in_memory().await.unwrap();
    added(&store, version("a", MenuState::Published, None)).await.unwrap();
    let Db::Sqlite { readers, .. } = &store.db;
    for statement in ["UPDATE menu_version SET text = 'b'", "DELETE FROM menu_version"] {
        let done = sqlx::query(sqlx::SqlStr::from_static(statement)).execute(readers).await;
        assert!(done.is_err(), "{statement}");
    }
}

#[tokio::test]
async fn ways_are_counted_when_a_call_ends_from_all_of_its_path() {
    on_each_store(async |store| {
        let call = store.begin_call(new_call()).await.unwrap();
        let early = vec![Step { at: NOW, step: "salam".into(), what: "enter".into() }];
        store.add_steps(call, early).await.unwrap();
        store.end_call(call, call_end(after(30))).await.unwrap();
        let other = store.begin_call(new_call()).await.unwrap();
        store.end_call(other, call_end(after(40))).await.unwrap();
        let (since, ways) = store.ways_since(NOW).await.unwrap();
        assert!(since <= NOW && NOW.0 - since.0 < 6 * 3_600_000, "{since:?}");
        let told: Vec<_> = ways
            .iter()
            .map(|way| (way.step.as_str(), way.what.as_str(), way.next.as_str(), way.calls))
            .collect();
        let expected =
            [("menu", "enter", "", 2), ("salam", "enter", "", 1), ("salam", "enter", "menu", 1)];
        assert_eq!(told, expected);
        let later = after(6 * 3_600);
        assert!(store.ways_since(later).await.unwrap().1.is_empty());
    })
    .await;
}
