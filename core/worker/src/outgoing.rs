//! What is on its way out: the next chunk of the survey and of the answer, one packet, and the cap on the uplink.

use crate::uplink::Uplink;
use core::time::Duration;
use heijunka_units::{Cap, Timestamp};
use heijunka_wire::{Body, Channel, EncodeError, Head, Part, Payload, encode, limits, parts};

/// What is still to be sent, and the packet that it is written into.
#[derive(Debug)]
pub(crate) struct Outgoing<'b> {
    packet: &'b mut [u8],
    /// Next chunk of the survey to send, `None` when all are sent.
    survey_next: Option<u16>,
    /// Next chunk of the answer to send.
    answer_next: Option<u16>,
    uplink: Uplink,
}

/// A message that has been written into the packet: its channel and length.
pub(crate) type Encoded = Result<(Channel, usize), EncodeError>;

impl<'b> Outgoing<'b> {
    pub(crate) fn new(packet: &'b mut [u8], cap: Option<Cap>) -> Self {
        Self { packet, survey_next: None, answer_next: None, uplink: Uplink::new(cap) }
    }

    pub(crate) fn into_packet(self) -> &'b mut [u8] {
        self.packet
    }

    /// The first bytes of the packet.
    pub(crate) fn packet(&self, bytes: usize) -> &[u8] {
        self.packet.get(..bytes).unwrap_or(&[])
    }

    pub(crate) fn packet_bytes_max(&self) -> usize {
        self.packet.len()
    }

    pub(crate) fn cap(&self) -> Option<Cap> {
        self.uplink.cap()
    }

    /// For how long the cap has held messages back until `now`, in all.
    pub(crate) fn held(&self, now: Timestamp) -> Duration {
        self.uplink.held(now)
    }

    /// A message wants to leave at `now`: when it may, if not at once.
    pub(crate) fn wait(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.uplink.wait(now)
    }

    /// Nothing waits to be sent.
    pub(crate) fn idle(&mut self) {
        self.uplink.idle();
    }

    /// The packet leaves, with a frame of so many bytes.
    pub(crate) fn sent(&mut self, frame_bytes: usize, now: Timestamp) {
        self.uplink.send(frame_bytes, now);
    }

    /// The driver has sent a packet by itself.
    pub(crate) fn charge(&mut self, packet_bytes: usize, now: Timestamp) {
        self.uplink.charge(packet_bytes, now);
    }

    pub(crate) fn has_chunks(&self) -> bool {
        self.survey_next.is_some() || self.answer_next.is_some()
    }

    pub(crate) fn survey_next(&self) -> Option<u16> {
        self.survey_next
    }

    pub(crate) fn answer_next(&self) -> Option<u16> {
        self.answer_next
    }

    /// Sends the survey from its first chunk on, if there is one; what was left of it is not sent.
    pub(crate) fn send_survey(&mut self, exists: bool) {
        self.survey_next = exists.then_some(0);
    }

    /// The next chunk of the survey.
    pub(crate) fn continue_survey(&mut self, next: Option<u16>) {
        self.survey_next = next;
    }

    /// Sends the answer from its first chunk on.
    pub(crate) fn send_answer(&mut self) {
        self.answer_next = Some(0);
    }

    /// Sends the answer again, unless it is being sent.
    pub(crate) fn send_answer_again(&mut self) {
        self.answer_next.get_or_insert(0);
    }

    /// The next chunk of the answer.
    pub(crate) fn continue_answer(&mut self, next: Option<u16>) {
        self.answer_next = next;
    }

    /// What is left of the answer is not sent.
    pub(crate) fn drop_answer(&mut self) {
        self.answer_next = None;
    }

    pub(crate) fn forget(&mut self) {
        (self.survey_next, self.answer_next) = (None, None);
    }

    /// Writes a message without payload.
    pub(crate) fn write(&mut self, head: Head, channel: Channel, body: &Body) -> Encoded {
        encode(head, body, Payload::None, self.packet).map(|frame| (channel, frame.len()))
    }

    /// Writes a chunk of an object, and says which one is next.
    pub(crate) fn write_chunk(
        &mut self,
        head: Head,
        index: u16,
        object: &[u8],
        message: impl FnOnce(Part) -> (Channel, Body),
    ) -> (Encoded, Option<u16>) {
        let most = limits::chunk_bytes(self.packet.len() + limits::PACKET_OVERHEAD_BYTES);
        let all = parts(object.len(), self.uplink.chunk_bytes(object.len(), most));
        let Some(all) = all else { return (Err(EncodeError), None) };
        let Some(part) = all.clone().nth(usize::from(index)) else { return (Err(EncodeError), None) };
        let (channel, body) = message(part);
        let encoded = encode(head, &body, Payload::Bytes(object), self.packet).map(|frame| (channel, frame.len()));
        (encoded, (all.count() > usize::from(index) + 1).then_some(index + 1))
    }
}
