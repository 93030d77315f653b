//! What a profile can be asked, and how a line of JSON says it.

use serde::Deserialize;

use crate::failure::Failure;

/// Reads one line of JSON. Returns the script's `id` (null if none could be read) and what is asked.
pub fn parse(line: &str) -> (serde_json::Value, Result<Ask, Failure>) {
    use serde_json::Value;
    let usage = |error: serde_json::Error| Failure::usage(format!("the line is no command: {error}"));
    let mut object = match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        Ok(_) => {
            return (
                Value::Null,
                Err(Failure::usage("a command is a JSON object such as {\"do\":\"whoami\"}")),
            );
        }
        Err(error) => return (Value::Null, Err(usage(error))),
    };
    let id = object.remove("id").unwrap_or(Value::Null);
    (id, serde_json::from_value(Value::Object(object)).map_err(usage))
}

/// A contact as it is named by a person or a script: by number, or by a name that only one contact has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged)]
pub enum Who {
    /// The contact's number.
    Number(u32),
    /// The contact's name, or its number as text.
    Name(String),
}

/// A question or a wish. As JSON: an object whose `do` is one of the variants' names, in kebab case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// Who this profile is.
    Whoami {},
    /// An invite for one person.
    Invite {
        /// Days for which it can be accepted.
        #[serde(default = "days_default")]
        days: u16,
    },
    /// Accept an invite.
    Accept {
        /// The invite's text.
        invite: String,
        /// What to call the contact.
        #[serde(default)]
        name: Option<String>,
    },
    /// All contacts.
    Contacts {},
    /// Another name for a contact.
    Rename {
        /// The contact.
        contact: Who,
        /// The new name.
        name: String,
    },
    /// The safety number, compared or set if asked.
    Verify {
        /// The contact.
        contact: Who,
        /// The number that the contact reads out.
        #[serde(default)]
        compare: Option<String>,
        /// Whether the contact is to count as verified.
        #[serde(default)]
        verified: Option<bool>,
    },
    /// New keys with a contact at once.
    Suspect {
        /// The contact.
        contact: Who,
    },
    /// This device counts no longer.
    CallBack {},
    /// Write a message.
    Send {
        /// The contact.
        contact: Who,
        /// The text.
        text: String,
        /// The message that it answers.
        #[serde(default)]
        reply_to: Option<String>,
    },
    /// A page of a conversation.
    History {
        /// The contact.
        contact: Who,
        /// Messages at most.
        #[serde(default = "limit_default")]
        limit: u32,
        /// Only messages before this place.
        #[serde(default)]
        before: Option<u64>,
    },
    /// Note that the conversation was read up to a place, and tell the contact.
    MarkRead {
        /// The contact.
        contact: Who,
        /// The place of the newest message seen.
        place: u64,
    },
    /// How far a message has come.
    Trail {
        /// The message's id.
        message: String,
    },
    /// After how long new messages of a conversation disappear, chosen anew if asked.
    Disappear {
        /// The contact.
        contact: Who,
        /// A number with its unit, or `off`.
        #[serde(default)]
        after: Option<String>,
    },
    /// The same for every new conversation.
    DisappearDefault {
        /// A number with its unit, or `off`.
        #[serde(default)]
        after: Option<String>,
    },
    /// Delete a message here.
    Delete {
        /// The message's id.
        message: String,
    },
    /// Delete a conversation's history here.
    Clear {
        /// The contact.
        contact: Who,
    },
    /// Remove a contact with history and keys.
    Remove {
        /// The contact.
        contact: Who,
    },
    /// Let a relay keep mail.
    RelayAdd {
        /// Its descriptor, or its address.
        descriptor: String,
    },
    /// The relays.
    RelayList {},
    /// Use a relay no longer.
    RelayRemove {
        /// Its number.
        relay: u32,
    },
    /// Dial a device once, for a direct link.
    Dial {
        /// Its address.
        address: String,
    },
    /// Lock the profile: forget everything and wait for the passphrase.
    Lock {},
    /// Open the profile again, while it is locked.
    Unlock {
        /// The passphrase.
        passphrase: Hidden,
    },
    /// End the node.
    Quit {},
}

/// A passphrase in a line of JSON. It wipes itself and never prints.
#[derive(Clone, Eq, PartialEq)]
pub struct Hidden(pub zeroize::Zeroizing<String>);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(zeroize::Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}

fn days_default() -> u16 {
    7
}

fn limit_default() -> u32 {
    50
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::failure::Kind;

    #[test]
    fn a_line_of_json_is_understood_and_its_id_is_kept() {
        let (id, ask) = parse(r#"{"id":7,"do":"send","contact":"bora","text":"hi"}"#);
        let send = Ask::Send { contact: Who::Name("bora".into()), text: "hi".into(), reply_to: None };
        assert_eq!((id, ask), (json!(7), Ok(send)));
        let (id, ask) = parse(r#"{"do":"history","contact":3,"id":"x"}"#);
        assert_eq!(
            (id, ask),
            (json!("x"), Ok(Ask::History { contact: Who::Number(3), limit: 50, before: None }))
        );
    }

    #[test]
    fn a_line_that_is_no_command_says_why_and_keeps_the_id() {
        for (line, id, part) in [
            (r#"{"id":1,"do":"dance"}"#, json!(1), "unknown variant `dance`"),
            (r#"{"id":2,"do":"send","contact":1}"#, json!(2), "missing field `text`"),
            (r#"{"id":3,"do":"whoami","colour":1}"#, json!(3), "unknown field `colour`"),
            ("[1]", json!(null), "JSON object"),
            ("{\"id\":4", json!(null), "the line is no command"),
        ] {
            let (told, ask) = parse(line);
            let failure = ask.expect_err(line);
            assert_eq!((told, failure.kind), (id, Kind::Usage));
            assert!(failure.say.contains(part), "{}", failure.say);
        }
    }
}
