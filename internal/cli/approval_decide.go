package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/proof/sshsig"
)

// decidedApproval is the answer of the commands that ask for or decide on an
// approval.
type decidedApproval struct {
	ApprovalID string `json:"approval_id"`
	State      string `json:"state"`
	// Who asked or decided, as an actor.
	Who    string `json:"who"`
	Digest string `json:"digest"`
	// Until is when what was asked for or granted runs out.
	Until *time.Time `json:"until"`
}

func (p *Program) tellApproval(a *whodid.Approval, who string, until time.Time) error {
	answer := decidedApproval{ApprovalID: a.ID, State: string(a.State), Who: who, Digest: a.Digest}
	if !until.IsZero() {
		answer.Until = &until
	}
	if p.json {
		return p.printJSON(answer)
	}
	_, err := fmt.Fprintf(p.Stdout, "%s\t%s\n", a.ID, a.State)
	return err
}

func (p *Program) approvalRequestCommand() *cobra.Command {
	var r approval.Request
	var args []string
	var expires durationFlag
	c := &cobra.Command{
		Use:   "request --type ACTION --target TARGET [--agent SQUAD/NAME] [--arg NAME=VALUE]...",
		Short: "Ask for an approval",
		Long: `Asks people to approve an action of an agent, and prints the id of the request.
The approval holds for just this action, target, agent and arguments: their digest
is recorded, the arguments are not. Inside of a run the agent is that of the run.`,
		Example: `  whodid approval request --type pr.merge --target acme/shop#44 --agent engineering/issue-solver --json
  whodid approval request --type deploy.production --target shop --arg version=1.4.2 --summary "deploy 1.4.2 of the shop" --why "fixes the outage"`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			given, err := pairs("--arg", args)
			if err != nil {
				return err
			}
			r.Arguments = make(whodid.Data, len(given))
			for k, v := range given {
				r.Arguments[k] = v
			}
			r.TTL = time.Duration(expires)
			return p.requestApproval(c.Context(), &r)
		},
	}
	f := c.Flags()
	f.StringVar(&r.Type, "type", "", "the action, such as pr.merge")
	f.StringVar(&r.Target, "target", "", "what it is to be done on, such as acme/shop#44")
	f.StringVar(&r.Agent, "agent", "", "the agent (`SQUAD/NAME`) that is to do it (default that of the run around)")
	f.StringArrayVar(&args, "arg", nil, "an argument, name=value; may be repeated")
	f.StringVar(&r.Summary, "summary", "", "what is to be done, in words that a person can judge")
	f.StringVar(&r.Why, "why", "", "what for")
	f.Var(&expires, "expires", "after what time the request runs out (default by the policy, else 24h)")
	return c
}

func (p *Program) requestApproval(ctx context.Context, r *approval.Request) error {
	if kind, ok := whodid.KindOf(r.Type); !ok || !kind.Action {
		return misuse(fmt.Errorf("--type: %q is not an action such as pr.merge", r.Type), "see: docs/catalogue.md")
	}
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	switch agent := whodid.AgentOf(who.Actor); {
	case r.Agent == "" && agent == "":
		return misuse(errors.New("--agent is missing"), "say which agent is to do it, squad/name")
	case r.Agent == "":
		r.Agent = agent
	case agent != "" && agent != r.Agent:
		return &exitError{code: ExitNotAllowed, err: fmt.Errorf("%s can't ask in the name of %s", agent, r.Agent)}
	case agent == "":
		// A person asks in the name of an agent: the agent is who will act, and
		// the person stands behind it.
		if _, _, err := whodid.ParseAgent(r.Agent); err != nil {
			return usageError("--agent: %w", err)
		}
		who.OnBehalfOf, who.OnBehalfAuth = who.Actor, who.Auth
		who.Actor, who.Auth = whodid.AgentActor(r.Agent), "claimed"
	}
	rules, err := p.rulesHere()
	if err != nil {
		return err
	}
	r.Under(rules.Approvals())
	service, err := p.approvals(ctx, w.trail)
	if err != nil {
		return err
	}
	a, err := service.Request(ctx, r, who)
	if err != nil {
		return err
	}
	p.startNotifying() //nolint:contextcheck // it outlives this command
	if !p.json {
		p.advise(p.out(), "A person decides with:\n\n  whodid approval approve %s --reason REASON", a.ID)
	}
	return p.tellApproval(&a, who.Actor, a.ExpiresAt)
}

// approvalPen opens the trail, takes in what waits, and says who acts. An
// approval is asked for and decided in the trail itself, never in the spool: what
// somebody decided meanwhile would not be known.
func (p *Program) approvalPen(ctx context.Context) (*pen, approval.Who, error) {
	w, err := p.newPen()
	if err != nil {
		return nil, approval.Who{}, err
	}
	if err := w.open(ctx); err != nil {
		return nil, approval.Who{}, err
	}
	who, err := p.approvalWho(ctx, w)
	if err != nil {
		w.close()
		return nil, approval.Who{}, err
	}
	return w, who, nil
}

func (p *Program) approvalWho(ctx context.Context, w *pen) (approval.Who, error) {
	if err := w.drain(ctx); err != nil {
		return approval.Who{}, err
	}
	var e whodid.Event
	if err := w.sign(ctx, &e); err != nil {
		return approval.Who{}, err
	}
	return approval.Who{Actor: e.Actor, Auth: e.ActorAuth, OnBehalfOf: e.OnBehalfOf, OnBehalfAuth: e.OnBehalfAuth, Execution: e.Execution, Source: "cli"}, nil
}

func (p *Program) approvalDecideCommand(approve bool) *cobra.Command {
	var reason, key string
	var valid durationFlag
	c := &cobra.Command{
		Use:   "reject ID --reason REASON",
		Short: "Reject what an agent wants to do",
		Example: `  whodid approval reject 7k2m --reason "not before the release"
  whodid approval reject 7k2m --reason "no" --sign ~/.ssh/id_ed25519_sk`,
		Args: arguments(cobra.ExactArgs(1)),
	}
	if approve {
		c.Use, c.Short = "approve ID --reason REASON", "Approve what an agent wants to do, once and for just these arguments"
		c.Example = `  whodid approval approve 7k2m --reason "reviewed with the team"
  whodid approval approve 7k2m --reason "go" --valid 10m --sign ~/.ssh/id_ed25519_sk`
		c.Flags().Var(&valid, "valid", "how long it may be used (default by the policy, else 1h)")
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		if reason == "" {
			return misuse(errors.New("--reason is missing"), "a decision without a reason can't be judged later")
		}
		return p.decideApproval(c.Context(), args[0], &approval.Decision{Approve: approve, Reason: reason, TTL: time.Duration(valid)}, key)
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	c.Flags().StringVar(&key, "sign", "", "sign with this SSH `KEY`: a private key's file, or a public one's whose private key an agent has")
	return c
}

func (p *Program) decideApproval(ctx context.Context, prefix string, d *approval.Decision, key string) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if agent, inside := agentAbove(githook.Self()); inside && whodid.IsHuman(who.Actor) {
		return &exitError{code: ExitNotAllowed, err: withHint(
			fmt.Errorf("no agent decides, and this runs below %s", agent), "decide in a terminal of your own")}
	}
	id, err := w.trail.asker.ResolveApproval(ctx, prefix)
	if err != nil {
		return unapproved(err)
	}
	rules, err := p.rulesHere()
	if err != nil {
		return err
	}
	if d.TTL == 0 {
		d.TTL = rules.Approvals().Approvals.GrantTTL
	}
	// What is signed is what is kept.
	if d.Reason, err = w.cleaned(d.Reason); err != nil {
		return err
	}
	if key != "" {
		d.Sign = func(statement []byte) ([]byte, string, error) { return p.signWithSSH(ctx, key, statement) }
	}
	service, err := p.approvals(ctx, w.trail)
	if err != nil {
		return err
	}
	a, err := service.Decide(ctx, id, d, who)
	if err != nil {
		return unapproved(err)
	}
	return p.tellApproval(&a, who.Actor, a.ValidUntil)
}

// cleaned is text as the trail keeps it, or an error if it is too long for it.
func (w *pen) cleaned(text string) (string, error) {
	text, _ = w.redactor.Clean(text)
	if len(text) > whodid.MaxWhy {
		return "", usageError("the reason has %d bytes, %d are allowed", len(text), whodid.MaxWhy)
	}
	return text, nil
}

// agentAbove returns the client of an agent from which a process descends.
func agentAbove(process githook.Process) (string, bool) {
	clients := []string{"claude", "codex", "gemini", "copilot", "cursor-agent", "opencode", "devin"}
	for _, a := range process.Ancestors {
		for _, arg := range a.Args[:min(2, len(a.Args))] { // node runs most of them as its first argument
			name := strings.TrimSuffix(filepath.Base(arg), ".exe")
			if slices.Contains(clients, name) {
				return name, true
			}
		}
	}
	return "", false
}

// signWithSSH lets OpenSSH sign, so that keys in agents and in hardware work. The
// key must be one that counts, if there is a file that says whose do.
func (p *Program) signWithSSH(ctx context.Context, key string, statement []byte) ([]byte, string, error) {
	c := exec.CommandContext(ctx, "ssh-keygen", "-q", "-Y", "sign", "-n", whodid.SSHNamespace, "-f", p.path(key))
	c.Stdin = bytes.NewReader(statement)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	armored, err := c.Output()
	if err != nil {
		return nil, "", fmt.Errorf("ssh-keygen couldn't sign with %s: %s", key, term.Clean(strings.TrimSpace(complaint.String())))
	}
	signer, err := sshsig.Verify(statement, armored, whodid.SSHNamespace)
	if err != nil {
		return nil, "", err
	}
	allowed, file, err := p.allowedSigners()
	if err != nil {
		return nil, "", err
	}
	if allowed != nil && len(allowed.Principals(signer, whodid.SSHNamespace, p.Now())) == 0 {
		return nil, "", fmt.Errorf("the key %s is not in %s", signer.Fingerprint, file)
	}
	return armored, signer.Fingerprint, nil
}

// systemSigners is where an administrator says whose keys count.
const systemSigners = "/etc/whodid/allowed_signers"

// allowedSigners reads the file that says whose keys count: the administrator's,
// else the one that WHODID_ALLOWED_SIGNERS names, else the user's own. Without
// one it returns nil.
func (p *Program) allowedSigners() (*sshsig.AllowedSigners, string, error) {
	named := p.Env("WHODID_ALLOWED_SIGNERS")
	own := filepath.Join(filepath.Dir(place.ConfigFile(p.Env)), "allowed_signers")
	for _, file := range []string{systemSigners, named, own} {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && file != named {
			continue
		}
		if err != nil {
			return nil, file, fmt.Errorf("couldn't read the allowed signers: %w", err)
		}
		allowed, err := sshsig.ParseAllowedSigners(text)
		return allowed, file, err
	}
	return nil, "", nil
}

// signersOf says whose signatures count in a trail: those of the keys in the file
// of allowed signers or, where there is none, those of the passkeys that people
// registered, each for its own person.
func (p *Program) signersOf(ctx context.Context, trail *ask.Asker) (*sshsig.AllowedSigners, error) {
	allowed, _, err := p.allowedSigners()
	if err != nil || allowed != nil {
		return allowed, err
	}
	passkeys, err := trail.Passkeys(ctx)
	if err != nil {
		return nil, err
	}
	return sshsig.Registered(passkeys), nil
}

// signersOfServer says whose signatures count at a server.
func (p *Program) signersOfServer(ctx context.Context, t *server.Tenant) (*sshsig.AllowedSigners, error) {
	return p.signersOf(ctx, t.Asker)
}

func (p *Program) approvalCancelCommand() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:     "cancel ID",
		Short:   "Withdraw a request that nobody has decided on",
		Example: `  whodid approval cancel 7k2m --reason "no longer needed"`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			w, who, err := p.approvalPen(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			id, err := w.trail.asker.ResolveApproval(c.Context(), args[0])
			if err != nil {
				return unapproved(err)
			}
			service, err := p.approvals(c.Context(), w.trail)
			if err != nil {
				return err
			}
			a, err := service.Cancel(c.Context(), id, reason, who)
			if err != nil {
				return unapproved(err)
			}
			return p.tellApproval(&a, who.Actor, time.Time{})
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why")
	return c
}
