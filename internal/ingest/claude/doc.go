// Package claude reads the transcripts that Claude Code leaves. Bytes go in,
// events come out; there is no clock, disk, network or environment in it. Of
// what was said and done it keeps tokens, ids and times, and nothing else.
//
// Transcripts are an internal format of the client, read as versions 2.0 to
// 2.1.330 wrote them. Its hooks are read by
// [github.com/whodid/whodid/internal/ingest/agent].
package claude
