// Package trailer reads, writes, lints and repairs the lines that tell who
// made a commit: git trailers, and among them the five of policy ORG-001.
//
//	fix: keep the session when the token is renewed
//
//	Agent: engineering/issue-solver
//	Squad: engineering
//	Trigger: event (issue.labeled)
//	Execution: exec-abc123
//	Model: opus
//	Signed-off-by: Ada Byron <ada@example.com>
//
// There are two ways to read a message. [Parse] sees what git sees, no more:
// it follows `git log --format=%(trailers:only,unfold)`, or with [Rules] also
// `git interpret-trailers --parse`, rule by rule. [Blocks] is tolerant: it also
// finds the five where people and forges put them (below a --- line, in a
// Markdown table or list, quoted, buried by a squash) and says in which [Form].
//
// There are two ways to write. [Add] puts the five where git reads them.
// [Fix] moves there what Blocks finds elsewhere; [Check] says why it should.
//
// Other people's conventions ([Credits]) and the commits that a message refers
// to ([References]) are weaker evidence and are kept apart from the five.
//
// Everything here is a pure function over a string: no git is run, no file or
// clock is read. Time and memory grow linearly with the message. Like git, every
// function ends the message at its first NUL byte. The package is safe for
// concurrent use.
package trailer
