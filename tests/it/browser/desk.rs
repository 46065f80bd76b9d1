//! Somebody of the office in front of a browser, signed in.

use kentongan::clock::{Clock as _, SystemClock};
use kentongan::ticket::Role;

use super::Browser;
use super::office::Office;

/// What everybody chose at their first sign-in.
pub const PASSWORD: &str = "perahu klotok pagi hari";

impl Office {
    /// A browser that shows the sign-in page to nobody in particular.
    pub async fn visitor(&self) -> Browser {
        Browser::open(self.hotline.web_port, &[]).await
    }

    /// Takes somebody in, who signs in for the first time.
    pub async fn desk(&self, login: &str, name: &str, role: Role) -> Browser {
        let first = self.hire(login, name, role);
        let desk = self.visitor().await;
        desk.signs_in(login, &first).await;
        desk
    }
}

impl Browser {
    /// Signs in with a password that was handed over, and chooses another.
    pub async fn signs_in(&self, login: &str, first: &str) {
        self.goto("/masuk").await;
        self.enters(login, first).await;
        self.chooses_password(first).await;
    }

    /// Chooses a password instead of the first one.
    pub async fn chooses_password(&self, first: &str) {
        self.arrives("/sandi").await;
        self.fill("#lama", first).await;
        self.fill("#baru", PASSWORD).await;
        self.fill("#ulang", PASSWORD).await;
        self.click("main button.primary").await;
        self.sees("Kata sandi Anda sudah diganti.").await;
    }

    /// The same for somebody whose role asks for a second factor.
    pub async fn signs_in_with_code(&self, login: &str, first: &str) {
        self.goto("/masuk").await;
        self.enters(login, first).await;
        self.arrives("/masuk/pasang").await;
        let secret = self.text(".secret").await.replace(' ', "");
        let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
        let authenticator = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let seconds = SystemClock.now().0 as u64 / 1000;
        self.fill("#kode", &authenticator.generate(seconds).to_string()).await;
        self.click("button.primary").await;
        self.click_on("Sudah saya simpan, lanjutkan").await;
        self.chooses_password(first).await;
    }

    /// Goes on with Tab until the focus is where `there` is true.
    pub async fn tab_to(&self, there: &str) {
        for _ in 0..120 {
            if self.value(there).await == true {
                return;
            }
            self.press("Tab").await;
        }
        panic!("{there}: no way by Tab on {}", self.path().await);
    }

    /// Fills in the sign-in page.
    pub async fn enters(&self, login: &str, password: &str) {
        self.fill("#nama", login).await;
        self.fill("#sandi", password).await;
        self.click("button.primary").await;
    }
}
