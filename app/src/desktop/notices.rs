//! Notices through the desktop's own service, over D-Bus. A task of its own, because a service may never answer.

use std::collections::HashMap;

use tokio::sync::mpsc;
use zbus::zvariant::Value;

/// Notices waiting for the service; more are dropped, since one tells as much as ten.
const WAITING: usize = 4;
/// The service's name, and the name of what it speaks.
const SERVICE: &str = "org.freedesktop.Notifications";
/// Where the service is.
const PATH: &str = "/org/freedesktop/Notifications";

/// What is asked of the service.
#[derive(Debug)]
enum Ask {
    Show { title: String, body: String },
    TakeBack,
}

/// The way to the service.
#[derive(Debug)]
pub(crate) struct Notices {
    asks: mpsc::Sender<Ask>,
}

impl Notices {
    /// Starts the task. The service is looked for when there is something to say.
    pub(crate) fn start() -> Notices {
        let (asks, inbox) = mpsc::channel(WAITING);
        tokio::spawn(serve(inbox));
        Notices { asks }
    }

    /// Shows a notice in place of the one before. Never waits.
    pub(crate) fn show(&self, title: String, body: String) {
        let _ = self.asks.try_send(Ask::Show { title, body });
    }

    /// Takes the shown notice away. Never waits.
    pub(crate) fn take_back(&self) {
        let _ = self.asks.try_send(Ask::TakeBack);
    }
}

async fn serve(mut inbox: mpsc::Receiver<Ask>) {
    let mut bus = None;
    let mut shown = 0;
    while let Some(ask) = inbox.recv().await {
        if bus.is_none() {
            bus = zbus::Connection::session().await.ok();
        }
        let Some(connection) = &bus else { continue };
        match ask {
            Ask::Show { title, body } => match show(connection, shown, &title, &body).await {
                Ok(number) => shown = number,
                Err(_) => bus = None,
            },
            Ask::TakeBack if shown != 0 => {
                let _ = call(connection, "CloseNotification", &(shown,)).await;
                shown = 0;
            }
            Ask::TakeBack => {}
        }
    }
}

async fn show(bus: &zbus::Connection, replaces: u32, title: &str, body: &str) -> zbus::Result<u32> {
    // Not to be kept in a history that outlives the lock.
    let hints = HashMap::from([
        ("transient", Value::from(true)),
        ("category", Value::from("im.received")),
        ("desktop-entry", Value::from("madang")),
    ]);
    let actions: [&str; 0] = [];
    let answer =
        call(bus, "Notify", &("Madang", replaces, "", title, plain(body), actions.as_slice(), hints, -1_i32))
            .await?;
    answer.body().deserialize()
}

async fn call<B>(bus: &zbus::Connection, method: &str, body: &B) -> zbus::Result<zbus::Message>
where
    B: zbus::export::serde::ser::Serialize + zbus::zvariant::DynamicType,
{
    bus.call_method(Some(SERVICE), PATH, Some(SERVICE), method, body).await
}

/// Services may read a body as markup; what somebody wrote is none.
fn plain(body: &str) -> String {
    body.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_somebody_wrote_is_never_markup() {
        assert_eq!(super::plain("<img src=x> & <b>"), "&lt;img src=x&gt; &amp; &lt;b&gt;");
    }
}
