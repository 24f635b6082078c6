//! The startup packet, authentication, and all that a server says before its first ReadyForQuery.

use bytes::BytesMut;
use durward_wire::limits::AUTHENTICATION_BODY_BYTES_MAX;
use durward_wire::postgres::ProtocolVersion;
use durward_wire::postgres::backend::{Authentication, BackendMessage, Mechanisms};
use durward_wire::postgres::frame::cut_frame;
use durward_wire::postgres::frontend::write;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ScramSha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::dial::Dialled;
use super::{
    CancelTarget, ChannelBinding, ServerError, Target, TargetAddress, UpstreamConnection, UpstreamCredentials,
    UpstreamError,
};
use crate::stream::Stream;

/// Settings that a server may report before it is ready; there are about 15.
const PARAMETERS_MAX: usize = 1_000;

/// A login under way.
struct Opening<'a> {
    target: &'a Target,
    credentials: &'a UpstreamCredentials,
    stream: Stream,
    end_point: Option<Vec<u8>>,
    inbound: BytesMut,
    stage: Stage,
    parameters: Vec<(String, String)>,
    process_id: i32,
    secret_key: Zeroizing<Vec<u8>>,
}

/// How far authentication has come. A server may not skip a step that it has begun.
enum Stage {
    /// It has asked for nothing yet.
    Begun,
    /// It has the answer to a plain question.
    Answered,
    /// A SCRAM exchange is under way.
    Exchange { scram: ScramSha256, bound: bool },
    /// The server has proved that it knows the password.
    Proved { bound: bool },
    /// It has let us in.
    In,
}

/// Logs in on a connection; ends at the first ReadyForQuery. Cancel safe: yes; the connection is then closed.
pub(super) async fn log_in(
    target: &Target,
    dialled: Dialled,
    credentials: &UpstreamCredentials,
    parameters: &[(String, String)],
) -> Result<UpstreamConnection, UpstreamError> {
    let mut opening = Opening {
        target,
        credentials,
        stream: dialled.stream,
        end_point: dialled.end_point,
        inbound: BytesMut::new(),
        stage: Stage::Begun,
        parameters: Vec::new(),
        process_id: 0,
        secret_key: Zeroizing::default(),
    };
    opening.start_up(parameters).await?;
    opening.until_ready().await?;
    Ok(opening.finish())
}

impl Opening<'_> {
    async fn start_up(&mut self, parameters: &[(String, String)]) -> Result<(), UpstreamError> {
        let mut packet = Vec::new();
        let fixed = [
            ("user", self.credentials.user.as_str()),
            ("database", self.target.database()),
        ];
        let own = self.target.parameters().iter().chain(parameters);
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        let all = fixed
            .into_iter()
            .chain(own)
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        write::startup(&mut packet, self.target.protocol(), all)?;
        self.send(packet).await
    }

    async fn until_ready(&mut self) -> Result<(), UpstreamError> {
        loop {
            let Some((frame, taken)) = cut_frame(&self.inbound, AUTHENTICATION_BODY_BYTES_MAX)? else {
                self.fill().await?;
                continue;
            };
            let (tag, body) = (frame.tag, Zeroizing::new(frame.body.to_vec()));
            let _taken = self.inbound.split_to(taken);
            let message = BackendMessage::decode(durward_wire::postgres::frame::Frame { tag, body: &body })?;
            match message {
                BackendMessage::Authentication(step) => self.authenticate(step).await?,
                BackendMessage::ErrorResponse(fields) => {
                    return Err(UpstreamError::Server(ServerError::new(fields, &body)));
                }
                BackendMessage::NoticeResponse(_) => {}
                BackendMessage::NegotiateProtocolVersion(negotiation) => {
                    let spoken = ProtocolVersion::V3_0..=self.target.protocol();
                    if !spoken.contains(&negotiation.version) {
                        return Err(broken("it answers with a protocol version that was not asked for"));
                    }
                }
                BackendMessage::ParameterStatus { name, value } if self.is_in() => {
                    if self.parameters.len() >= PARAMETERS_MAX {
                        return Err(broken("it reports more than 1000 settings"));
                    }
                    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                    self.parameters.push((text(name), text(value)));
                }
                BackendMessage::BackendKeyData(key) if self.is_in() => {
                    self.process_id = key.process_id;
                    self.secret_key = Zeroizing::new(key.secret_key.to_vec());
                }
                BackendMessage::ReadyForQuery(_) if self.is_in() => return Ok(()),
                _ => return Err(broken("a message that has no place in a login")),
            }
        }
    }

    fn is_in(&self) -> bool {
        matches!(self.stage, Stage::In)
    }

    async fn authenticate(&mut self, step: Authentication<'_>) -> Result<(), UpstreamError> {
        let stage = std::mem::replace(&mut self.stage, Stage::Begun);
        self.stage = match (step, stage) {
            (Authentication::Ok, stage) => {
                self.check_let_in(&stage)?;
                Stage::In
            }
            (Authentication::CleartextPassword, Stage::Begun) => {
                if !self.is_private() {
                    return Err(UpstreamError::CleartextRefused);
                }
                let password = self.password()?.clone();
                self.send_password(&password).await?;
                Stage::Answered
            }
            (Authentication::Md5Password { salt }, Stage::Begun) => {
                let hash = md5_hash(self.credentials.user.as_bytes(), self.password()?, salt);
                self.send_password(hash.as_bytes()).await?;
                Stage::Answered
            }
            (Authentication::Sasl(mechanisms), Stage::Begun) => self.begin_scram(mechanisms).await?,
            (Authentication::SaslContinue(challenge), Stage::Exchange { mut scram, bound }) => {
                scram
                    .update(challenge)
                    .map_err(|error| UpstreamError::ServerNotProved(error.to_string()))?;
                let mut packet = Vec::new();
                write::sasl_response(&mut packet, scram.message())?;
                self.send(packet).await?;
                Stage::Exchange { scram, bound }
            }
            (Authentication::SaslFinal(proof), Stage::Exchange { mut scram, bound }) => {
                scram
                    .finish(proof)
                    .map_err(|error| UpstreamError::ServerNotProved(error.to_string()))?;
                Stage::Proved { bound }
            }
            (Authentication::Unsupported { name, .. }, _) => {
                return Err(UpstreamError::UnsupportedAuthentication(name));
            }
            _ => return Err(broken("a step of authentication out of order")),
        };
        Ok(())
    }

    /// A server that began SCRAM must have proved that it knows the password before it says that all is well.
    fn check_let_in(&self, stage: &Stage) -> Result<(), UpstreamError> {
        let bound = match stage {
            Stage::Begun if self.credentials.proves_the_client => return Err(UpstreamError::PasswordNotChecked),
            Stage::Begun | Stage::Answered => false,
            Stage::Proved { bound } => *bound,
            Stage::Exchange { .. } => return Err(UpstreamError::ServerNotProved("it skipped its proof".to_owned())),
            Stage::In => return Err(broken("a second welcome")),
        };
        if self.target.channel_binding() == ChannelBinding::Require && !bound {
            return Err(UpstreamError::ServerNotProved(
                "channel binding is required and was not done".to_owned(),
            ));
        }
        Ok(())
    }

    async fn begin_scram(&mut self, offered: Mechanisms<'_>) -> Result<Stage, UpstreamError> {
        let wanted = self.target.channel_binding();
        let end_point = self.end_point.clone().filter(|_| wanted != ChannelBinding::Disable);
        let (mechanism, binding, bound) = match end_point {
            Some(hash) if offered.offers(sasl::SCRAM_SHA_256_PLUS) => (
                sasl::SCRAM_SHA_256_PLUS,
                sasl::ChannelBinding::tls_server_end_point(hash),
                true,
            ),
            // We could have, and it didn't offer: said in the exchange, so that a server that did offer notices.
            Some(_) => (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested(), false),
            None => (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported(), false),
        };
        if wanted == ChannelBinding::Require && !bound {
            return Err(UpstreamError::ServerNotProved(
                "channel binding is required and not to be had".to_owned(),
            ));
        }
        if !offered.offers(mechanism) {
            return Err(UpstreamError::UnsupportedAuthentication(
                "a SASL mechanism other than SCRAM-SHA-256",
            ));
        }
        let scram = ScramSha256::new(self.password()?, binding);
        let mut packet = Vec::new();
        write::sasl_initial_response(&mut packet, mechanism.as_bytes(), Some(scram.message()))?;
        self.send(packet).await?;
        Ok(Stage::Exchange { scram, bound })
    }

    fn password(&self) -> Result<&Zeroizing<Vec<u8>>, UpstreamError> {
        self.credentials.password.as_ref().ok_or(UpstreamError::NoPassword)
    }

    /// Whether nobody on a network can read along.
    fn is_private(&self) -> bool {
        match &self.stream {
            Stream::TlsClient(_) | Stream::TlsServer(_) | Stream::Unix(_) => true,
            Stream::Tcp(stream) => {
                let here = matches!(self.target.address(), TargetAddress::Tcp { .. });
                here && stream
                    .peer_addr()
                    .is_ok_and(|address| address.ip().to_canonical().is_loopback())
            }
            Stream::Closed => false,
        }
    }

    async fn send_password(&mut self, password: &[u8]) -> Result<(), UpstreamError> {
        let mut packet = Vec::with_capacity(password.len() + 6);
        write::password(&mut packet, password)?;
        self.send(packet).await
    }

    async fn send(&mut self, mut packet: Vec<u8>) -> Result<(), UpstreamError> {
        let sent = async {
            self.stream.write_all(&packet).await?;
            self.stream.flush().await
        };
        let sent = sent.await;
        packet.zeroize();
        sent.map_err(UpstreamError::io("logging in"))
    }

    async fn fill(&mut self) -> Result<(), UpstreamError> {
        let count = self
            .stream
            .read_buf(&mut self.inbound)
            .await
            .map_err(UpstreamError::io("logging in"))?;
        if count == 0 { Err(UpstreamError::Closed) } else { Ok(()) }
    }

    fn finish(self) -> UpstreamConnection {
        let cancel = CancelTarget::new(
            self.target.address().clone(),
            std::sync::Arc::clone(self.target.tls()),
            self.stream.is_tls(),
            self.process_id,
            self.secret_key,
        );
        UpstreamConnection {
            stream: self.stream,
            inbound: self.inbound,
            parameters: self.parameters,
            process_id: self.process_id,
            cancel,
            end_point: self.end_point,
        }
    }
}

fn broken(how: &str) -> UpstreamError {
    UpstreamError::Protocol(how.to_owned())
}
