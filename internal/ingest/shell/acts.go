// Package shell reads what a command line did: it turns the text of a shell
// command, and what the tool that ran it reported, into dotted actions such as
// commit.create or pr.create.
//
// The text is read with a real shell parser, and an act counts as done only
// when the command's own output or an exit status that is surely its own
// proves it. "gh pr create" that printed no URL made no pull request as far
// as the trail can tell.
//
// The package is pure: no clock, no disk, no network, and nothing happens at
// start-up, because it runs inside the hook of an agent on every tool call.
// Nothing of the command's text leaves it that could carry content or a
// secret; see clean.go for what may pass.
package shell

import (
	"maps"
	"strings"
)

// The results that an [Act] may have.
const (
	Success   = "success"   // proved by the command's own output or exit status
	Failed    = "failed"    // refused by the command's own output or exit status
	Attempted = "attempted" // tried; what came of it is unknown
	Cancelled = "cancelled" // interrupted before anything proved it done
)

// An Outcome is what the tool that ran the command reported about it.
type Outcome struct {
	// Exit is the exit status of the whole command line; it means nothing
	// unless ExitKnown is set.
	Exit      int
	ExitKnown bool
	// Stdout and Stderr are what the command printed; either may hold both
	// streams, may be empty because the tool didn't report it, cut, or huge.
	// Only the head and the tail of each are read.
	Stdout, Stderr string
	// Interrupted says that a person or a time limit stopped the command.
	Interrupted bool
}

// An Act is one thing that a command line did, or tried to do.
type Act struct {
	// What is the dotted verb, as in "commit.create". A line in which nothing
	// is recognised is one "shell.run".
	What string
	// Target is what was acted upon: a sha, "owner/repo#44", a URL without
	// query, a branch, a package, a relative path, the name of a program. It
	// is empty when it isn't known or can't be told safely.
	Target string
	// Result is one of [Success], [Failed], [Attempted] and [Cancelled].
	Result string
	// Data holds what else is safe to tell, of these keys: program,
	// subcommand, package, version, environment, sha, branch, url (strings);
	// exit_code, number (int); count (int: refs of a push, objects of an infra.change,
	// commands of a shell.run); sudo, force, amend (only ever true).
	Data map[string]any
}

const (
	maxCommand = 128 << 10 // bytes of a command line that are parsed; Linux runs none with a longer argument
	maxCalls   = 512       // simple commands looked at, functions expanded
	maxActs    = 64        // acts reported for one line
	maxNesting = 200       // brackets that may be open at once
)

// Acts tells what command did, in the order of its text. There is always at
// least one act, and a line gives the same acts before and after it ran:
// only what is known of them grows.
//
// With a nil out the command hasn't run yet and every act is [Attempted].
// cwdRepo is the repository of the working directory as "owner/repo", or empty
// when it isn't known; it completes targets such as "#44".
func Acts(command string, out *Outcome, cwdRepo string) []Act {
	line := parse(command)
	drafts := recognise(line, cleanRepo(cwdRepo))
	if len(drafts) == 0 {
		return []Act{plainAct(line, out)}
	}
	if out != nil {
		judge(line, drafts, out)
	}
	acts := make([]Act, len(drafts))
	for i, d := range drafts {
		acts[i] = d.act
	}
	return acts
}

// recognise returns a draft of each act in line that is more than a plain
// command.
func recognise(l *line, repo string) []*draft {
	var drafts []*draft
	for _, c := range l.calls {
		r := repo
		if c.elsewhere {
			r = "" // the line went to another directory, maybe another repository
		}
		for _, d := range recogniseCall(c, r) {
			if len(drafts) == maxActs {
				return drafts
			}
			d.call = c
			d.act.Result = Attempted
			d.set("program", c.program)
			d.set("subcommand", cleanSubcommand(d.sub))
			if c.sudo {
				d.put("sudo", true)
			}
			drafts = append(drafts, d)
		}
	}
	return drafts
}

// recogniseCall dispatches on the program; nil means a plain command.
func recogniseCall(c *call, repo string) []*draft {
	if asksOnly(c.args) {
		return nil
	}
	switch c.program {
	case "git":
		return gitActs(c)
	case "gh":
		return one(ghAct(c, repo))
	case "glab":
		return one(glabAct(c, repo))
	case "hub":
		return one(hubAct(c, repo))
	case "rm", "unlink", "rmdir", "mv", "find":
		return fileActs(c)
	case "curl", "wget":
		return webActs(c)
	case "vault":
		return one(vaultAct(c))
	}
	for _, read := range [...]func(*call) *draft{releaseAct, infraAct, deployAct, migrationAct, testAct, buildAct} {
		if d := read(c); d != nil {
			return []*draft{d}
		}
	}
	return nil
}

// asksOnly reports whether a command only prints its help or pretends: a dry
// run prints the very lines that would otherwise be the proof.
func asksOnly(args []string) bool {
	for _, a := range args {
		switch a {
		case "--help", "--dry-run", "--dryrun", "--dry-run=client", "--dry-run=server", "--dry-run=true":
			return true
		case "--":
			return false
		}
	}
	return false
}

// A draft is an act while its result is being found out.
type draft struct {
	act  Act
	call *call
	sub  string // sub-command words, such as "pr create"

	// prove looks for the act's own proof in the output and fills in what it
	// tells. It is nil when the tool prints nothing that could be relied on.
	prove func(*draft, *output) verdict
	// byExit says that an exit status of zero that is surely this command's
	// own is proof enough: the tool is silent when it succeeds.
	byExit bool

	verdict verdict
	// lenient asks prove to take all that might be a proof, to find out
	// whether another command printed it.
	lenient bool
}

// A verdict is what the output says of an act.
type verdict int

const (
	silent  verdict = iota // nothing
	done                   // it was done
	refused                // it was tried and refused
)

func (d *draft) put(key string, value any) {
	if d.act.Data == nil {
		d.act.Data = make(map[string]any, 4)
	}
	d.act.Data[key] = value
}

// set puts a string unless it is empty, which is what the clean functions
// return for what may not pass.
func (d *draft) set(key, value string) {
	if value != "" {
		d.put(key, value)
	}
}

// flag puts a key that is only ever true.
func (d *draft) flag(key string, on bool) {
	if on {
		d.put(key, true)
	}
}

// clone copies d, so that what an output tells can be dropped again.
func (d *draft) clone() *draft {
	c := *d
	c.act.Data = maps.Clone(d.act.Data)
	return &c
}

func one(d *draft) []*draft {
	if d == nil {
		return nil
	}
	return []*draft{d}
}

// newDraft starts an act of a tool that is silent when it succeeds, or whose
// exit status is the whole point.
func newDraft(what, target, sub string) *draft {
	return &draft{act: Act{What: what, Target: target}, sub: sub, byExit: true}
}

// newProved starts an act that only the output can prove.
func newProved(what, target, sub string, prove func(*draft, *output) verdict) *draft {
	return &draft{act: Act{What: what, Target: target}, sub: sub, prove: prove}
}

// judge finds the result of each draft.
func judge(l *line, drafts []*draft, out *Outcome) {
	var root status
	if out.ExitKnown && !l.incomplete {
		root = exited(out.Exit)
	}
	mentions := mentionsDirectory(out)
	l.root.settle(root, mentions)

	o := newOutput(out)
	for _, d := range drafts {
		if d.prove == nil {
			continue
		}
		told := d.clone()
		told.verdict = d.prove(told, o)
		if told.verdict == done && !d.call.status.zero() && l.forgeable(d) {
			continue
		}
		*d = *told
		d.call.proved = d.call.proved || d.verdict == done
	}
	// What is proved done narrows down which member of an && list failed.
	l.root.settle(root, mentions)

	for _, d := range drafts {
		s := d.call.status
		switch {
		case s.nonzero(), d.verdict == refused:
			d.act.Result = Failed
		case d.verdict == done, d.byExit && s.zero():
			d.act.Result = Success
		case out.Interrupted:
			d.act.Result = Cancelled
		}
		if s.known && s.codeKnown {
			d.put("exit_code", s.code)
		}
	}
}

// subcommand joins the words of a sub-command.
func subcommand(words ...string) string { return strings.Join(words, " ") }
