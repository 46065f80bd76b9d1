//! Why a page cannot be shown, and the page that says so.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::files::FilesError;
use crate::prompts::CatalogueError;
use crate::store::StoreError;

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum PageError {
    /// It does not exist, or not for the one who asks: the two must look alike.
    #[error("not found")]
    NotFound,
    /// The role may not use this address.
    #[error("not for this role")]
    Forbidden,
    /// The form is not from one of our pages.
    #[error("a form from elsewhere")]
    ForeignForm,
    /// What was typed cannot be taken.
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
    #[error("a page cannot be rendered: {0}")]
    Template(#[from] askama::Error),
    #[error(transparent)]
    Prompts(#[from] CatalogueError),
    /// Work on a thread of its own panicked.
    #[error(transparent)]
    Lost(#[from] tokio::task::JoinError),
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    style: String,
    title: &'a str,
    text: &'a str,
}

impl PageError {
    fn told(&self) -> (StatusCode, &'static str, &str) {
        match self {
            PageError::NotFound => (
                StatusCode::NOT_FOUND,
                "Halaman tidak ditemukan",
                "Periksa kembali kode atau tautannya.",
            ),
            PageError::Forbidden => (
                StatusCode::FORBIDDEN,
                "Bukan untuk peran Anda",
                "Halaman ini dibuka oleh peran lain. Bila Anda memerlukannya, hubungi admin.",
            ),
            PageError::ForeignForm => (
                StatusCode::FORBIDDEN,
                "Isian ditolak",
                "Isian ini tidak dikirim dari konsol. Buka kembali halamannya, lalu kirim sekali lagi.",
            ),
            PageError::Refused(why) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "Isian belum dapat diterima", why)
            }
            PageError::Store(_)
            | PageError::Files(_)
            | PageError::Template(_)
            | PageError::Prompts(_)
            | PageError::Lost(_) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "Ada gangguan",
                "Isian Anda belum tersimpan. Tunggu sebentar, lalu coba lagi. Bila berulang, hubungi teknisi.",
            ),
        }
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, title, text) = self.told();
        if status.is_server_error() {
            // The errors below hold ids and paths, never what somebody said.
            tracing::error!(error = %self, "a page of the console cannot be shown");
        }
        let page = ErrorPage { style: super::assets::address("style.css"), title, text };
        match page.render() {
            Ok(html) => (status, Html(html)).into_response(),
            Err(_) => (status, title.to_owned()).into_response(),
        }
    }
}
