// Package otlp reads what agents tell over OpenTelemetry: the log events of
// Claude Code, Codex and Gemini CLI, and the spans and events of any agent that
// follows the semantic conventions for generative AI and for MCP. Decoded
// records go in, events come out; there is no clock, disk or network in it, and
// nothing of the library that decoded them.
//
// Telemetry may carry prompts, answers, arguments and output. A record can hold
// only the attributes that this package names (see attributes.go), so that all
// others are gone before anything looks at them, and of those that may hold
// content (a tool's arguments, a command's output) nothing is kept but what
// [github.com/whodid/whodid/internal/ingest/agent] and
// [github.com/whodid/whodid/internal/ingest/shell] make of them for hooks.
//
// A fact has the key that hooks and transcripts give it, so that it is one
// event whoever tells it, and however often. See docs/otlp.md.
package otlp
