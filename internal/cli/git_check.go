package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/gitcheck"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// gitCheckTimeout bounds a check, whatever git does with hostile messages.
const gitCheckTimeout = 10 * time.Minute

// checkFlags are the flags of "git check".
type checkFlags struct {
	pr                  int
	remote, base        string
	message             string
	stdin               bool
	format              string
	policy, policyFrom  string
	noTrail, needsTrail bool
	noRecord            bool
}

func (p *Program) gitCheckCommand() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check [RANGE…] [--pr N | --message FILE | --stdin]",
		Short: "Check commits against the policy: who made them, and is that true?",
		Long: `Checks commits against the policy in .whodid/policy.toml, or against ORG-001 where
there is none: that an agent's commit has the five trailers, well formed, and
that they are true by what the trail knows. Without a trail at hand it checks
what git alone can tell, and says so.

RANGE is what it is to git log: A..B is a range, one revision is all of its
history, REVISION^! is one commit. Without one, the commits are checked that the
next push would send. --stdin reads what git gives to a hook: pre-receive (update
with "OLD NEW REF") or pre-push. A push into a bare repository is judged by the
policy of its HEAD, not by the one that is pushed.

Exit status 5 means that a rule of severity blocker is violated.`,
		Example: `  whodid git check                      # what I am about to push
  whodid git check main..HEAD
  whodid git check HEAD^!               # one commit
  whodid git check --pr 44 --format github
  whodid git check --message .git/COMMIT_EDITMSG
  whodid git check --stdin              # in hooks/pre-receive and hooks/pre-push
  whodid git check origin/main..HEAD --policy-from origin/main --format sarif > whodid.sarif`,
		Args: arguments(cobra.ArbitraryArgs),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.validate(p, args); err != nil {
				return err
			}
			ctx, stop := context.WithTimeout(c.Context(), gitCheckTimeout)
			defer stop()
			return p.gitCheck(ctx, &f, args)
		},
	}
	flags := c.Flags()
	flags.IntVar(&f.pr, "pr", 0, "check the commits of this pull or merge request, fetched from the remote")
	flags.StringVar(&f.remote, "remote", "origin", "with --pr: the remote that has it")
	flags.StringVar(&f.base, "base", "", "with --pr: the branch that it is for (default: what the CI says, else the remote's own); else the branch that the commits are for")
	flags.StringVar(&f.message, "message", "", "check a message that is not committed yet; - is standard input")
	flags.BoolVar(&f.stdin, "stdin", false, "check what git tells a pre-receive or pre-push hook on standard input")
	flags.StringVar(&f.format, "format", "", "text, json, sarif or github (default text)")
	flags.StringVar(&f.policy, "policy", "", "read the policy from this file")
	flags.StringVar(&f.policyFrom, "policy-from", "", "read the policy from this revision, such as the branch that is merged into")
	flags.BoolVar(&f.noTrail, "no-trail", false, "check what git alone can tell")
	flags.BoolVar(&f.needsTrail, "require-trail", false, "fail without a trail at hand")
	flags.BoolVar(&f.noRecord, "no-record", false, "do not record the verdicts in the trail")
	return c
}

func (f *checkFlags) validate(p *Program, args []string) error {
	ways := 0
	for _, used := range []bool{len(args) > 0, f.pr != 0, f.message != "", f.stdin} {
		if used {
			ways++
		}
	}
	switch {
	case ways > 1:
		return usageError("a range, --pr, --message and --stdin exclude each other")
	case f.pr < 0:
		return usageError("--pr %d is no number of a pull request", f.pr)
	case f.policy != "" && f.policyFrom != "":
		return usageError("--policy and --policy-from exclude each other")
	case f.noTrail && f.needsTrail:
		return usageError("--no-trail and --require-trail exclude each other")
	}
	if p.json {
		if f.format != "" && f.format != "json" {
			return usageError("--json and --format %s exclude each other", f.format)
		}
		f.format = "json"
	}
	switch f.format {
	case "":
		f.format = "text"
	case "text", "json", "sarif", "github":
	default:
		return usageError("--format: %q is none of text, json, sarif, github", f.format)
	}
	return nil
}

func (p *Program) gitCheck(ctx context.Context, f *checkFlags, args []string) error {
	repository, err := gitlog.Open(ctx, p.Dir)
	if err != nil {
		return withHint(err, "run it inside a git repository")
	}
	r := gitcheck.Request{Repository: repository, Org: p.org, Now: p.Now()}
	if r.Policy, err = p.policyFor(ctx, repository, f); err != nil {
		return policyError(err)
	}
	if r.Selection, err = p.selectCommits(ctx, repository, r.Policy, f, args); err != nil {
		if errors.Is(err, gitcheck.ErrBadRange) {
			return misuse(err, "write it as for git log: main..HEAD, HEAD^!, or nothing for what is not pushed yet")
		}
		return err
	}
	t, note, err := p.trailAtHand(ctx, f)
	if err != nil {
		return err
	}
	if t != nil {
		defer t.close()
		r.Trail = t.store
	}
	r.TrailNote = note
	report, err := p.judge(ctx, r, f)
	if err != nil {
		return err
	}
	if t != nil && t.recorder != nil && !f.noRecord {
		p.recordVerdicts(ctx, t, report)
	}
	if err := p.printReport(report, r.Policy, f.format); err != nil {
		return err
	}
	if report.Outcome == policy.Violated {
		return &exitError{code: ExitPolicy}
	}
	return nil
}

// policyFor reads the policy by which commits are judged. In a bare repository
// it is that of HEAD, which a push has not changed yet when its hooks run.
func (p *Program) policyFor(ctx context.Context, repository *gitlog.Repository, f *checkFlags) (*policy.Policy, error) {
	switch {
	case f.policy != "":
		return gitcheck.PolicyFromFile(p.path(f.policy), f.policy)
	case f.policyFrom != "":
		return gitcheck.PolicyOfRevision(ctx, repository, f.policyFrom, true)
	case repository.Bare():
		return gitcheck.PolicyOfRevision(ctx, repository, "HEAD", false)
	default:
		return gitcheck.PolicyOfTree(repository.Root)
	}
}

// policyError says of a policy that is wrong what to do about it.
func policyError(err error) error {
	var wrong *policy.Error
	switch {
	case errors.As(err, &wrong):
		return withHint(err, `"whodid policy check" says when it is right, docs/policy.md what it may say`)
	case errors.Is(err, gitcheck.ErrBadRange):
		return &exitError{code: ExitUsage, err: err}
	default:
		return err
	}
}

func (p *Program) selectCommits(ctx context.Context, repository *gitlog.Repository, rules *policy.Policy, f *checkFlags, args []string) (gitcheck.Selection, error) {
	if f.stdin {
		updates, pushing, err := gitcheck.ReadUpdates(p.Stdin)
		if err != nil {
			return gitcheck.Selection{}, &exitError{code: ExitUsage, err: err}
		}
		return gitcheck.Push(ctx, repository, rules, updates, pushing)
	}
	base := f.base
	for _, name := range []string{"GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME"} {
		if base == "" {
			base = p.Env(name)
		}
	}
	if f.pr > 0 {
		return gitcheck.PullRequest(ctx, repository, f.remote, f.pr, base)
	}
	var s gitcheck.Selection
	var err error
	switch {
	case f.message != "":
	case len(args) > 0:
		s, err = gitcheck.Range(ctx, repository, args...)
	default:
		s, err = gitcheck.Unpublished(ctx, repository)
	}
	if s.Branches = gitcheck.Head(ctx, repository); base != "" {
		s.Branches = []string{strings.TrimPrefix(base, "refs/heads/")}
	}
	return s, err
}

// trailAtHand opens the trail, to write as well if its key is here. It makes
// none: a trail that knows nothing would call every commit a lie. The note says
// why there is none.
func (p *Program) trailAtHand(ctx context.Context, f *checkFlags) (*trail, string, error) {
	if f.noTrail {
		return nil, "--no-trail", nil
	}
	t, err := p.findTrail(ctx, f.needsTrail)
	if err == nil {
		return t, "", nil
	}
	if f.needsTrail {
		return nil, "", withHint(fmt.Errorf("couldn't check without a trail: %w", err), "say where it is with --store or WHODID_STORE")
	}
	return nil, err.Error(), nil
}

// findTrail opens the trail that is there. One that is empty is no help, unless
// somebody says that it is the one to judge by.
func (p *Program) findTrail(ctx context.Context, mayBeEmpty bool) (*trail, error) {
	where, err := p.find()
	if err != nil {
		return nil, err
	}
	if !isThere(where) {
		return nil, errors.New("there is no trail here")
	}
	ctx, stop := context.WithTimeout(ctx, reachTimeout)
	defer stop()
	t, err := p.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := t.store.Log(ctx, p.org); err != nil && !(mayBeEmpty && errors.Is(err, store.ErrNoLog)) {
		t.close()
		if errors.Is(err, store.ErrNoLog) {
			err = errors.New("the trail is empty")
		}
		return nil, err
	}
	return t, nil
}

func (p *Program) judge(ctx context.Context, r gitcheck.Request, f *checkFlags) (*gitcheck.Report, error) {
	if f.message == "" {
		return gitcheck.Check(ctx, r)
	}
	text, err := p.readText(f.message)
	if err != nil {
		return nil, err
	}
	author, committer := identity(ctx, r.Repository, "GIT_AUTHOR_IDENT", r.Now), identity(ctx, r.Repository, "GIT_COMMITTER_IDENT", r.Now)
	return gitcheck.CheckMessage(ctx, r, text, author, committer)
}

// identity is who would sign a commit that is made now. Git writes it as
// "Name <address> 1700000000 +0000", and refuses where it does not know.
func identity(ctx context.Context, repository *gitlog.Repository, variable string, now time.Time) policy.Signature {
	s := policy.Signature{At: now}
	out, err := repository.Run(ctx, "var", variable)
	if err != nil {
		return s
	}
	name, rest, _ := strings.Cut(out, " <")
	address, at, _ := strings.Cut(rest, "> ")
	s.Name, s.Email = name, address
	seconds, _, _ := strings.Cut(at, " ")
	if n, err := strconv.ParseInt(seconds, 10, 64); err == nil {
		s.At = time.Unix(n, 0).UTC()
	}
	return s
}

// recordVerdicts records what was judged. That it could not be recorded is told
// and changes no verdict.
func (p *Program) recordVerdicts(ctx context.Context, t *trail, r *gitcheck.Report) {
	events := gitcheck.Verdicts(r, p.Now())
	if len(events) == 0 {
		return
	}
	rows, err := t.recorder.Record(ctx, events...)
	if err != nil {
		fmt.Fprintf(p.Stderr, "whodid: couldn't record the verdicts: %v\n", err)
		return
	}
	r.Trail.Recorded = len(rows)
}

func (p *Program) printReport(r *gitcheck.Report, rules *policy.Policy, format string) error {
	switch format {
	case "json":
		return p.printJSON(r)
	case "sarif":
		return gitcheck.SARIF(p.Stdout, r, rules, p.Version)
	case "github":
		return gitcheck.GitHub(p.Stdout, r)
	default:
		gitcheck.Text(p.out(), r)
		return nil
	}
}
