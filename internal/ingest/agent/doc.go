// Package agent reads what agents tell of themselves through the hooks that
// Claude Code invented and most others copied. Bytes go in, events come out;
// there is no clock, disk, network or environment in it.
//
// Nothing of a session's content leaves the package. Of prompts, answers, file
// bodies, output and descriptions it keeps nothing, of commands what
// [github.com/whodid/whodid/internal/ingest/shell] makes of them, of a file its
// path, of a URL what stands before the query. What identifies (session, call,
// sub-agent, model, tool) is kept if it looks like an identifier, and as a
// digest or not at all otherwise.
//
// Several clients run the same file of settings, so that a hook can't know who
// calls it but by the payload: see detect.go. What is told is recorded under the
// client's own name.
//
// The package also makes the ids and keys of an agent's doings ([Execution],
// [CallKey], [RequestKey] and their like), which transcripts and telemetry of
// the same session share, so that a fact told by all three is one event.
//
// Formats: https://code.claude.com/docs/en/hooks,
// https://developers.openai.com/codex/hooks,
// https://geminicli.com/docs/hooks/reference,
// https://docs.github.com/en/copilot/reference/hooks-configuration,
// https://cursor.com/docs/hooks.
package agent
