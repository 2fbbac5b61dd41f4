//! Members that a long-lived process calls, each over one connection that its calls share, within a time that the caller
//! sets. A refusal is no reason to ask the next member: every member would say the same.

use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use tokio::time::Instant;
use tonic::Status;
use tonic::transport::Channel;

use crate::status::{had_no_effect, is_away};
use crate::{ChannelOptions, InvalidUrl, Rotation};

/// Between two rounds through all members: an election is under way, or all are gone.
const PAUSE: Duration = Duration::from_millis(50);

/// The members of a cluster.
pub struct Client {
    members: Vec<Member>,
    rotation: Rotation,
    connector: Connector,
    options: ChannelOptions,
}

/// One member.
pub struct Member {
    /// Where it is.
    pub url: String,
    /// The way to it.
    pub channel: Channel,
    at: usize,
}

/// How long is waited for an answer.
#[derive(Clone, Copy, Debug)]
pub struct Attempts {
    /// At one member.
    pub each: Duration,
    /// At all of them, round after round; `None` for one round.
    pub all: Option<Duration>,
}

/// An answer, and whether an attempt before it may have been carried out unheard.
#[derive(Debug)]
pub struct Answer<T> {
    /// What was answered.
    pub reply: T,
    /// Whether it may speak of what an earlier attempt did.
    pub earlier_in_doubt: bool,
}

/// Why a call has no reply: a refusal, or what the last member that was asked said or did, if that is no answer.
#[derive(Debug)]
pub struct Failed {
    /// What it was.
    pub status: Status,
    /// Whether an attempt may have been carried out unheard, or may still be.
    pub in_doubt: bool,
}

impl From<Failed> for Status {
    fn from(failed: Failed) -> Self {
        failed.status
    }
}

impl Client {
    /// Connects to a member when it is first used.
    ///
    /// # Errors
    /// A member's URL cannot be called.
    pub fn new(
        urls: &[String],
        connector: &Connector,
        options: ChannelOptions,
    ) -> Result<Self, InvalidUrl> {
        let connector = connector.clone().to(Role::Registry);
        let member = |(at, url): (usize, &String)| {
            Ok(Member { url: url.clone(), channel: options.lazy(url, &connector)?, at })
        };
        let members = urls.iter().enumerate().map(member).collect::<Result<_, InvalidUrl>>()?;
        Ok(Self { members, rotation: Rotation::default(), connector, options })
    }

    /// The members, the one that answered last first.
    pub fn in_turn(&self) -> impl Iterator<Item = &Member> {
        self.rotation.places(self.members.len()).filter_map(move |at| self.members.get(at))
    }

    /// The next member takes the place of this one, unless another call has moved on already.
    pub fn pass_over(&self, member: &Member) {
        self.rotation.pass_over(member.at, self.members.len());
    }

    /// The way to any URL, of one of the members or of one that a member named.
    ///
    /// # Errors
    /// It cannot be called.
    pub fn channel(&self, url: &str) -> Result<Channel, InvalidUrl> {
        match self.members.iter().find(|member| member.url == url) {
            Some(member) => Ok(member.channel.clone()),
            None => self.options.lazy(url, &self.connector),
        }
    }

    /// Makes a call to one member after the other until one answers: what it asks for may be done twice. Dropping it ends
    /// the attempt that is under way.
    ///
    /// # Errors
    /// [`Failed`].
    pub async fn call<T, F: Future<Output = Result<T, Status>>>(
        &self,
        attempts: Attempts,
        call: impl Fn(Channel) -> F,
    ) -> Result<Answer<T>, Failed> {
        let end = attempts.all.map(|all| Instant::now() + all);
        let left =
            || end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        let mut last = Status::unavailable("no registry member is configured");
        let mut earlier_in_doubt = false;
        loop {
            for member in self.rotation.round(&self.members) {
                let limit = attempts.each.min(left());
                if limit.is_zero() {
                    return Err(Failed { status: last, in_doubt: earlier_in_doubt });
                }
                match within(limit, call(member.channel.clone())).await {
                    Ok(reply) => return Ok(Answer { reply, earlier_in_doubt }),
                    Err(status) if is_away(&status) => last = status,
                    Err(status) => return Err(Failed { status, in_doubt: earlier_in_doubt }),
                }
                earlier_in_doubt |= !had_no_effect(&last);
            }
            if end.is_none() || left() <= PAUSE {
                return Err(Failed { status: last, in_doubt: earlier_in_doubt });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// What a call gives, if it does so in time.
///
/// # Errors
/// As the call; or it is late.
pub async fn within<T>(
    limit: Duration,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let answer = tokio::time::timeout(limit, call).await;
    answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::future::{pending, ready};

    use proto_types::metadata::CODE_KEY;
    use tonic::Code;
    use tonic::metadata::MetadataValue;

    use super::*;

    const ONCE: Attempts = Attempts { each: Duration::from_secs(60), all: None };

    /// Nobody is there: calls of these tests answer by themselves.
    fn client() -> Client {
        let options = ChannelOptions {
            connect_timeout: Duration::from_secs(1),
            keep_alive: Duration::from_secs(1),
            keep_alive_timeout: Duration::from_secs(1),
            while_idle: false,
        };
        let urls = ["http://m1.example", "http://m2.example"].map(str::to_owned);
        Client::new(&urls, &Connector::plain(), options).unwrap()
    }

    fn first(client: &Client) -> &str {
        client.in_turn().next().map_or("", |member| &*member.url)
    }

    fn status(code: Code, ecumene: &'static str) -> Status {
        let mut status = Status::new(code, "why");
        if !ecumene.is_empty() {
            status.metadata_mut().insert(CODE_KEY, MetadataValue::from_static(ecumene));
        }
        status
    }

    #[tokio::test]
    async fn an_answer_says_whether_an_attempt_before_it_may_have_been_carried_out() {
        for (before, in_doubt) in [
            (status(Code::Unavailable, "no-leader"), false),
            (status(Code::Unavailable, "stopping"), false),
            (status(Code::Unavailable, "in-doubt"), true),
            (status(Code::Unknown, ""), true),
        ] {
            let (client, answers) = (client(), RefCell::new(vec![Ok(7), Err(before)]));
            let call = |_| ready(answers.borrow_mut().pop().unwrap());
            let answer = client.call(ONCE, call).await.unwrap();
            assert_eq!((answer.reply, answer.earlier_in_doubt), (7, in_doubt));
            assert_eq!(first(&client), "http://m2.example", "it answered last");
        }
    }

    #[tokio::test]
    async fn a_call_without_an_answer_says_whether_any_attempt_may_have_been_carried_out() {
        for (first, last, in_doubt) in [
            (status(Code::Unavailable, "in-doubt"), status(Code::Unavailable, "no-leader"), true),
            (status(Code::Unavailable, "no-leader"), status(Code::Unknown, ""), true),
            (status(Code::Unavailable, "no-leader"), status(Code::Unavailable, "stopping"), false),
            (status(Code::Unknown, ""), status(Code::NotFound, "not-found"), true),
            (status(Code::Unavailable, "stopping"), status(Code::NotFound, "not-found"), false),
        ] {
            let (client, said) = (client(), last.code());
            let answers = RefCell::new(vec![last, first]);
            let call = |_| ready(Err::<(), _>(answers.borrow_mut().pop().unwrap()));
            let failed = client.call(ONCE, call).await.unwrap_err();
            assert_eq!((failed.status.code(), failed.in_doubt), (said, in_doubt), "{failed:?}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_no_other_member_is_asked() {
        let (client, asked) = (client(), Cell::new(0));
        let call = |_| {
            asked.set(asked.get() + 1);
            ready(Err::<(), _>(status(Code::NotFound, "not-found")))
        };
        assert_eq!(client.call(ONCE, call).await.unwrap_err().status.code(), Code::NotFound);
        assert_eq!((asked.get(), first(&client)), (1, "http://m1.example"));
    }

    #[tokio::test]
    async fn members_are_asked_once_each_or_round_after_round() {
        let (client, asked) = (client(), Cell::new(0));
        let call = |_| {
            asked.set(asked.get() + 1);
            let is_third = asked.get() == 3;
            ready(if is_third { Ok(()) } else { Err(status(Code::Unavailable, "no-leader")) })
        };
        assert_eq!(client.call(ONCE, call).await.unwrap_err().status.code(), Code::Unavailable);
        assert_eq!(asked.replace(0), 2);
        let long = Attempts { all: Some(ONCE.each), ..ONCE };
        assert!(!client.call(long, call).await.unwrap().earlier_in_doubt);
        assert_eq!(asked.get(), 3);
    }

    #[tokio::test]
    async fn a_member_that_says_nothing_is_passed_over_also_where_the_time_ends_with_it() {
        let (client, asked) = (client(), Cell::new(0));
        let call = |_| {
            asked.set(asked.get() + 1);
            pending::<Result<(), Status>>()
        };
        let short = Attempts { all: Some(PAUSE), ..ONCE };
        let failed = client.call(short, call).await.unwrap_err();
        assert_eq!((failed.status.code(), failed.in_doubt), (Code::DeadlineExceeded, true));
        assert_eq!((asked.get(), first(&client)), (1, "http://m2.example"));
    }
}
