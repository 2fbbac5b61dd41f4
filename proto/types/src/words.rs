//! The spelling of enums: which word stands for which value, in messages and documents alike.
//!
//! One table for each enum makes its words, its parser and its list. A word never changes its meaning.

/// Why a text is no word of an enum: it lists those that are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownWord(pub &'static [&'static str]);

impl std::fmt::Display for UnknownWord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            [] => f.write_str("no word is allowed"),
            [only] => write!(f, "{only} is the only word"),
            [first, second] => write!(f, "{first} or {second}"),
            many => write!(f, "one of {}", many.join(", ")),
        }
    }
}

impl std::error::Error for UnknownWord {}

/// Gives an enum without fields its words: `as_str`, `Display`, `FromStr`, `ALL` and `WORDS`, in the order of the table.
#[macro_export]
macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Every word, in the same order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// Its word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::words::UnknownWord;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::words::UnknownWord(Self::WORDS)),
                }
            }
        }
    };
}

#[cfg(test)]
#[expect(unreachable_pub, reason = "the table's items are public")]
mod tests {
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Light {
        Red,
        DeepBlue,
    }

    words!(Light { Red = "red", DeepBlue = "deep-blue" });

    #[test]
    fn every_word_is_read_as_what_it_was_written_for_and_no_other() {
        for (light, word) in Light::ALL.iter().zip(Light::WORDS) {
            assert_eq!((light.as_str(), word.parse()), (*word, Ok(*light)));
        }
        for text in ["", "Red", "deep_blue", "red "] {
            let refused = text.parse::<Light>().map_err(|why| why.to_string());
            assert_eq!(refused, Err("red or deep-blue".to_owned()), "{text:?}");
        }
    }
}
