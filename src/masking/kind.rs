//! What is masked: kinds, and the stretches in which they stand.

use serde::{Deserialize, Serialize};

use crate::types::{ChannelIndex, TimeSpan};

/// A kind of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskKind {
    /// Identity number (身份证号): the first 6 and the last 4 digits stay.
    IdCard,
    /// Bank card or account (银行卡号): the first 6 and the last 4 digits stay.
    BankCard,
    /// Telephone number (电话号码): the first 3 and the last 4 digits stay.
    Phone,
    /// A person's name (姓名): the family name stays.
    Name,
    /// Where somebody lives or works (地址): province and city stay.
    Address,
    /// One-time code (验证码): nothing stays.
    Code,
    /// Password, card check value or expiry (密码): nothing stays.
    Password,
}

impl MaskKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::IdCard, Self::BankCard, Self::Phone, Self::Name, Self::Address, Self::Code, Self::Password];

    /// Its name in configuration and figures.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::IdCard => "id_card",
            Self::BankCard => "bank_card",
            Self::Phone => "phone",
            Self::Name => "name",
            Self::Address => "address",
            Self::Code => "code",
            Self::Password => "password",
        }
    }

    /// How many characters stay at the front and at the back.
    pub(super) fn keeps(self) -> (usize, usize) {
        match self {
            Self::IdCard | Self::BankCard => (6, 4),
            Self::Phone => (3, 4),
            Self::Name | Self::Address | Self::Code | Self::Password => (0, 0),
        }
    }
}

/// Hidden characters of one turn that belong together. What separates digits (空格, ，) may stand in it unhidden.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedSpan {
    /// What was there.
    pub kind: MaskKind,
    /// The turn.
    pub turn: u32,
    /// First hidden character in the turn's text.
    pub char_from: u32,
    /// First character after the last hidden one; `char_from` where only its time is known, because its words are in no
    /// turn any more.
    pub char_to: u32,
    /// Where it was heard.
    pub channel: ChannelIndex,
    /// When the words that hold it are said; absent in a chat without times.
    pub span: Option<TimeSpan>,
    /// Which item of the call it is a part of, from 0: a number read out over several turns is one.
    pub item: u32,
}

impl MaskedSpan {
    /// Whether only its time is known: its words are in no turn.
    #[must_use]
    pub fn is_heard_only(&self) -> bool {
        self.char_from >= self.char_to
    }
}
