// Package claude reads what Claude Code tells of itself: the payloads of its
// hooks while it works, and the transcripts that it leaves. Bytes go in, events
// come out; there is no clock, disk, network or environment in it.
//
// Nothing of a session's content leaves the package. Of prompts, answers, file
// bodies, output and descriptions it keeps nothing, of commands what
// [github.com/whodid/whodid/internal/ingest/shell] makes of them, of a file its
// path, of a URL what stands before the query. What identifies (session, call,
// sub-agent, model, tool) is kept if it looks like an identifier, and as a
// digest or not at all otherwise.
//
// Other agents run the same hooks: some read Claude Code's settings files, and
// most copied its payloads. What they tell is recorded under their own name as
// far as it is understood; see [Detect].
//
// Formats: https://code.claude.com/docs/en/hooks for hooks; transcripts are an
// internal format of the client, read as versions 2.0 to 2.1.330 wrote them.
package claude
