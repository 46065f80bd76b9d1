//! Versions of the menu. Rows are only ever added; the newest published one answers calls.
//!
//! What a text means is not known here: whoever publishes one has proved it sound ([`crate::menu`]).

use std::sync::Arc;

use super::audit::{self, Deed, Doer};
use super::db::{Tx, on_read, on_tx};
use super::sql::menu as sql;
use super::work::claim_form;
use super::writer::Durability;
use super::{LINE, Store, StoreError, tidy};
use crate::clock::Timestamp;

/// What a version is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MenuState {
    /// Kept, and heard by nobody.
    Draft,
    /// Answers calls until the next one is published.
    Published,
}

/// Where a version comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum MenuOrigin {
    /// Somebody who meant this text.
    Console,
    /// The file that the configuration names: its changes are followed as long as the newest published version is one.
    File,
}

/// A version with its text.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MenuRow {
    pub number: i64,
    pub text: String,
    pub state: MenuState,
    pub origin: MenuOrigin,
    pub author: String,
    pub at: Timestamp,
    pub note: String,
}

/// A version in a list.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct MenuListed {
    pub number: i64,
    pub state: MenuState,
    pub origin: MenuOrigin,
    pub author: String,
    pub at: Timestamp,
    pub note: String,
}

/// A version that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMenu {
    pub text: String,
    pub state: MenuState,
    pub origin: MenuOrigin,
    /// Why, in the author's words.
    pub note: String,
    /// The newest version when the text was written; `None` when there was none.
    pub base: Option<i64>,
    /// The form that it came by; the same one twice is one version.
    pub nonce: Option<String>,
}

/// Why no version was added.
#[derive(Clone, Debug, thiserror::Error)]
pub enum MenuError {
    /// Somebody else added one in the meantime.
    #[error("menu suara sudah diubah orang lain")]
    Stale,
    /// It is what the newest one of its kind says already.
    #[error("naskah ini sama dengan versi {0}")]
    Same(i64),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sqlx::Error> for MenuError {
    fn from(error: sqlx::Error) -> MenuError {
        MenuError::Store(error.into())
    }
}

impl Store {
    /// The version of this number.
    pub async fn menu(&self, number: i64) -> Result<Option<MenuRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::MENU).bind(number).fetch_optional(pool).await?
        ))
    }

    /// The version that answers calls; none as long as no hotline has started on these rows.
    pub async fn menu_published(&self) -> Result<Option<MenuRow>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::MENU_PUBLISHED).fetch_optional(pool).await?
        ))
    }

    /// Its number: cheap enough to be asked for all the time.
    pub async fn menu_published_number(&self) -> Result<Option<i64>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::MENU_PUBLISHED_NUMBER).fetch_one(pool).await?
        ))
    }

    /// The newest version, draft or not.
    pub async fn menu_newest(&self) -> Result<Option<MenuRow>, StoreError> {
        Ok(on_read!(&self.db, pool, sqlx::query_as(sql::MENU_NEWEST).fetch_optional(pool).await?))
    }

    /// Whether any version has this text.
    pub async fn menu_has(&self, text: &str) -> Result<bool, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_scalar(sql::MENU_HAS_TEXT).bind(text).fetch_one(pool).await?
        ))
    }

    /// The newest versions before a number.
    pub async fn menus_before(
        &self,
        number: i64,
        limit: i64,
    ) -> Result<Vec<MenuListed>, StoreError> {
        Ok(on_read!(
            &self.db,
            pool,
            sqlx::query_as(sql::MENUS_BEFORE).bind(number).bind(limit).fetch_all(pool).await?
        ))
    }

    /// Adds a version with its audit row, safe from a power cut when this returns; answers with its number.
    pub async fn add_menu(
        &self,
        new: NewMenu,
        doer: Doer,
        now: Timestamp,
    ) -> Result<i64, MenuError> {
        let published = new.state == MenuState::Published;
        let request = Arc::new((new, doer));
        let added = self
            .db
            .write(Durability::PowerCut, move |tx| {
                let request = Arc::clone(&request);
                Box::pin(async move { add(tx, &request.0, &request.1, now).await })
            })
            .await?;
        if published {
            self.menu_changed.notify_one();
        }
        Ok(added)
    }

    /// Returns when this process has published a version since the last time. Others are found by asking.
    pub async fn menu_published_here(&self) {
        self.menu_changed.notified().await;
    }
}

async fn add(tx: &mut Tx, new: &NewMenu, doer: &Doer, now: Timestamp) -> Result<i64, MenuError> {
    let newest: Option<MenuRow> =
        on_tx!(tx, conn, sqlx::query_as(sql::MENU_NEWEST).fetch_optional(conn).await?);
    if let Some(nonce) = &new.nonce
        && !claim_form(tx, nonce, "menu", now).await?
    {
        return Ok(newest.map_or(0, |newest| newest.number));
    }
    if newest.as_ref().map(|newest| newest.number) != new.base {
        return Err(MenuError::Stale);
    }
    let published: Option<MenuRow> =
        on_tx!(tx, conn, sqlx::query_as(sql::MENU_PUBLISHED).fetch_optional(conn).await?);
    let rival = if new.state == MenuState::Published { published } else { newest };
    // A draft may be kept again for what is said of it.
    let noted = |rival: &MenuRow| {
        (rival.state, new.state) == (MenuState::Draft, MenuState::Draft)
            && !new.note.trim().is_empty()
            && rival.note != new.note.trim()
    };
    let same = rival.filter(|rival| rival.text == new.text && !noted(rival));
    if let Some(same) = same {
        return Err(MenuError::Same(same.number));
    }
    let number: i64 = on_tx!(
        tx,
        conn,
        sqlx::query_scalar(sql::INSERT_MENU)
            .bind(&new.text)
            .bind(new.state)
            .bind(new.origin)
            .bind(tidy(&doer.login, LINE))
            .bind(now)
            .bind(tidy(new.note.trim(), LINE))
            .fetch_one(conn)
            .await?
    );
    let action = match new.state {
        MenuState::Draft => "menu_draft",
        MenuState::Published => "menu_publish",
    };
    let deed = Deed::new(action, format!("menu {number}")).with(new.note.trim());
    audit::append(tx, doer, deed, now).await?;
    Ok(number)
}
