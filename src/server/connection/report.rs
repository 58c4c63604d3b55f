//! What is logged of a response once it was sent, or could not be.

use super::Connection;
use super::transmission::Finished;
use crate::handler::Answered;
use crate::http::{Exchange, ExchangeFailed};
use crate::server::clock::Now;
use crate::server::record::Record;
use std::borrow::Cow;
use std::io;

impl Connection<'_> {
    /// Writes down what was sent, where records are kept.
    pub(super) fn record(
        &self,
        answered: &Answered<'_>,
        sent: &io::Result<()>,
        length: u64,
        now: &Now,
    ) {
        let Some(records) = self.context.records else {
            return;
        };
        let record = Record {
            client: &self.client,
            line: answered.line,
            fields: answered.fields,
            status: answered.status,
            sent: length,
            duration: self.begun.elapsed(),
            is_whole: sent.is_ok(),
        };
        records.write(&record, now);
    }

    /// Logs what a response's own program has to report once the response was sent, or could not
    /// be.
    pub(super) fn finish(
        &self,
        sent: io::Result<Finished>,
        remark: Option<Cow<'_, str>>,
    ) -> io::Result<()> {
        let cause = sent.as_ref().err().and_then(io::Error::get_ref);
        if let Some(ExchangeFailed(message)) = cause.and_then(|cause| cause.downcast_ref()) {
            self.log_message(message);
        }
        let finished = sent?.and_then(Exchange::finish);
        for message in finished.into_iter().chain(remark) {
            self.log_message(&message);
        }
        Ok(())
    }

    /// Logs what a response's own program has to report after the response.
    fn log_message(&self, message: &str) {
        // The response may have taken a long time.
        let now = Now::current();
        let log = self.context.log.of(&self.client, &now);
        let handler = self.context.handler;
        handler.log_message(&log, format_args!("{message}").into());
    }
}
