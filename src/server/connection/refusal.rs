//! Responses that are made without asking a handler.

use super::Connection;
use super::answer::refusal;
use super::request_content::RequestContent;
use crate::handler::Answered;
use crate::http::{FieldLines, HttpError, RequestLine, Response, StatusCode, Version};
use crate::server::clock::Clock;
use crate::wire::{self, CloseReason, Next};

impl Connection<'_> {
    /// Answers the client's request, whatever it will be, without waiting for it.
    pub(super) fn refuse(&mut self, clock: &mut Clock) -> CloseReason {
        let line = wire::no_request_line(Version::HTTP_10);
        let fields = FieldLines::default();
        self.reject(&line, fields, &HttpError::overloaded(), clock)
    }

    /// Answers a request whose head there is no memory for, or no time.
    pub(super) fn reject_head(&mut self, clock: &mut Clock) -> CloseReason {
        let line = wire::no_request_line(Version::HTTP_10);
        let error = if self.context.admission.is_closing() {
            HttpError::overloaded()
        } else {
            HttpError::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        };
        self.reject(&line, FieldLines::default(), &error, clock)
    }

    /// Answers what is not a request, or a request whose body cannot be told from the next request.
    /// `fields` are those that were understood.
    #[inline(never)]
    pub(super) fn reject(
        &mut self,
        line: &RequestLine<'_>,
        fields: FieldLines<'_>,
        error: &HttpError,
        clock: &mut Clock,
    ) -> CloseReason {
        let now = clock.now();
        let response = refusal(self.context, &self.client, (line, fields), error, now);
        self.answer_unheard(line, fields, response, clock)
    }

    /// Sends a response that was made without asking a handler.
    pub(super) fn answer_unheard(
        &mut self,
        line: &RequestLine<'_>,
        fields: FieldLines<'_>,
        mut response: Response,
        clock: &mut Clock,
    ) -> CloseReason {
        let now = clock.now();
        let expectation =
            wire::Expectation::of_rejected(line.version, self.context.config.protocol);
        let answered = Answered::new(line, fields, &response);
        let mut buffers = self.context.buffers.take();
        let (content, out) = (&mut RequestContent::lost(), &mut buffers.out);
        let next = self.send(&answered, &mut response, expectation, content, out, now);
        self.context.buffers.give_back(buffers);
        match next {
            Next::Keep => CloseReason::Answered,
            Next::Close(reason) => reason,
        }
    }
}
