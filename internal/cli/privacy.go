package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/keys"
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/term"
)

// privacyCommand is the parent of everything about personal data.
func (p *Program) privacyCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "privacy",
		GroupID: "keep",
		Short:   "Show people what the trail holds of them, and forget it",
		Long: `Events know people by pseudonyms alone, made with a key that is not in the trail.
What is erased leaves commitments behind: everything else still verifies, and what
was proved before stays proved (docs/privacy.md).`,
		Example: `  whodid privacy export ada@example.com -o ada.zip
  whodid privacy erase ada@example.com --reason "asked on 3 November" --dry-run
  whodid privacy erase src/secret --reason "named a customer"
  whodid privacy certificate evt-7k2m -o erasure.json`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(
		p.privacyRequestCommand(), p.privacyRequestsCommand(), p.privacyRefuseCommand(), p.privacyExportCommand(), p.privacyEraseCommand(), p.privacyCertificateCommand(), p.privacyAnonymizeCommand(),
		p.privacyReapplyCommand(), p.privacyPeopleCommand(), p.privacyNameCommand(), p.privacyImportCommand(), p.privacyForgetCommand(),
	)
	return c
}

// privacyOf is the service over an open trail of an organisation.
func (p *Program) privacyOf(t *trail, org string) *privacy.Service {
	s := &privacy.Service{
		Org: org, Store: t.store, List: privacy.ListIn(t.place.Erasures), Logs: t.place.Logs, Now: p.Now,
		ForgetActions: func(client, session string) error { return hook.ForgetActions(t.place.Calls, client, session) },
	}
	if t.recorder != nil {
		s.Recorder = t.recorder
	}
	return s
}

// eraseAgain carries out what a restored copy of the trail has not erased. It
// can be told in the trail only by who has its key.
func (p *Program) eraseAgain(ctx context.Context, t *trail, org string) error {
	done, err := p.privacyOf(t, org).Reapply(ctx)
	if err != nil {
		return withHint(err, "the trail answers when what was erased is erased in it: whodid privacy reapply")
	}
	if len(done.Requests) > 0 {
		t.again = done
		fmt.Fprintf(p.Stderr, "whodid: the trail is an older copy: what was erased since, in %d events, was erased again\n", done.Events)
	}
	return nil
}

var (
	pseudonymForm = pattern(`^p[0-9a-hjkmnp-tv-z]{15}$`)
	identityForm  = pattern(`^(os|git|email|account|oidc|github|gitlab):.`)
)

// selector reads what PERSON|EXECUTION|PATH means.
func (p *Program) selector(ctx context.Context, t *trail, given, kind string) (privacy.Selector, error) {
	switch {
	case kind != "" && kind != string(privacy.ByPerson) && kind != string(privacy.ByExecution) && kind != string(privacy.ByPath):
		return privacy.Selector{}, usageError("--as: %q is none of person, execution, path", kind)
	case kind == string(privacy.ByExecution) || kind == "" && strings.HasPrefix(given, whodid.PrefixExecution+"-"):
		id, err := t.asker.Resolve(ctx, given)
		return privacy.Selector{Kind: privacy.ByExecution, Value: id}, unresolved(err)
	case kind == string(privacy.ByPath) || kind == "" && !isPerson(given) && given != p.login():
		if strings.Trim(given, "/.") == "" {
			return privacy.Selector{}, usageError("%q is everything, and no path to erase", given)
		}
		return privacy.Selector{Kind: privacy.ByPath, Value: given}, nil
	default:
		return p.personSelector(t, given)
	}
}

// isPerson tells whether a word can only mean a person.
func isPerson(given string) bool {
	return pseudonymForm().MatchString(strings.TrimPrefix(given, "human:")) || identityForm().MatchString(given) ||
		strings.HasPrefix(given, "@") || strings.Contains(given, "@") && !strings.ContainsAny(given, "/\\")
}

func (p *Program) login() string {
	for _, name := range []string{"USER", "LOGNAME", "USERNAME"} {
		if login := p.Env(name); login != "" {
			return login
		}
	}
	return ""
}

// personSelector turns who a person is into the pseudonyms that the sources of
// events know them by.
func (p *Program) personSelector(t *trail, given string) (privacy.Selector, error) {
	s := privacy.Selector{Kind: privacy.ByPerson}
	if name := strings.TrimPrefix(given, "human:"); pseudonymForm().MatchString(name) {
		s.Pseudonyms = []string{name}
		return s, nil
	}
	_, people := t.place.Keys(p.org)
	ring, err := keys.People(people)
	if err != nil {
		return s, withHint(err, "without the key of pseudonyms only a pseudonym can be asked for")
	}
	for _, identity := range p.identitiesOf(given) {
		s.Pseudonyms = append(s.Pseudonyms, ring.Pseudonym(identity))
	}
	if given == p.login() {
		actor, _ := hook.Person(ring, p.Env)
		s.Pseudonyms = append(s.Pseudonyms, strings.TrimPrefix(actor, "human:"))
	}
	if strings.Contains(given, "@") && !identityForm().MatchString(given) && !strings.HasPrefix(given, "@") {
		s.Texts = []string{given}
	}
	return s, nil
}

// identitiesOf are what pseudonyms of a person may be made of.
func (p *Program) identitiesOf(given string) []string {
	lower := strings.ToLower(strings.TrimSpace(given))
	login := strings.TrimPrefix(lower, "@")
	switch {
	case identityForm().MatchString(given):
		return []string{given}
	case lower != login || !strings.Contains(login, "@"):
		return []string{"github:@" + login, "gitlab:@" + login, "git:" + login}
	default:
		return []string{"git:" + lower, "email:" + lower}
	}
}

func (p *Program) privacyEraseCommand() *cobra.Command {
	var o eraseOptions
	c := &cobra.Command{
		Use:   "erase PERSON|EXECUTION|PATH --reason TEXT | --request ID",
		Short: "Erase what the trail holds of a person, of an execution or of a path",
		Long: `Erases values, and the secrets that could bring them back, everywhere in the
trail and on its disk: events, executions, the index of git, the full-text
index, tokens, logs of runs, the database's pages and journal. What stays are
commitments: the log, its checkpoints and all proofs made before still verify.

PERSON is a pseudonym (p7k2m…), an e-mail address, @login of a forge, or the login
of this user of the machine; EXECUTION an id; anything else is a PATH, with all
that is below it. --as says which, where it could be either.

--request answers a request of "whodid privacy request": without PERSON its person
is erased, as the pseudonyms that it names.

A hold wins: what is held is listed and stays. If the policy says so ([privacy]
four_eyes), a second person must approve first: without an approval the command
asks for one, and says how to go on.`,
		Example: `  whodid privacy erase ada@example.com --reason "asked on 3 November" --dry-run
  whodid privacy erase exec-7k2m9q4tz8w1c3ab --reason "recorded by mistake" --yes
  whodid privacy erase src/customers --reason "names customers" --approval appr-7k2m
  whodid privacy erase --request evt-7k2m --yes`,
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if o.reason == "" && !o.dry && o.request == "" {
				return misuse(errors.New("--reason is missing"), "an erasure without a reason can't be judged later")
			}
			given, err := whom(args, o.request)
			if err != nil {
				return err
			}
			return p.erase(c.Context(), given, &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.reason, "reason", "", "why; what is erased is taken out of it")
	f.StringVar(&o.kind, "as", "", "what is meant: person, execution or path")
	f.StringVar(&o.request, "request", "", "the `ID` of the request that this answers")
	f.StringVar(&o.approval, "approval", "", "the `ID` of the second person's approval")
	f.BoolVar(&o.dry, "dry-run", false, "say what would be erased, and change nothing")
	f.BoolVar(&o.yes, "yes", false, "don't ask")
	return c
}

type eraseOptions struct {
	reason, kind, approval, request string
	dry, yes                        bool
}

// erasure is the answer of "privacy erase".
type erasure struct {
	// Done is false if this was a dry run, or a second person is asked first.
	Done     bool   `json:"done"`
	Selector string `json:"selector"`
	privacy.Result
	// Holds are the events that stay, and why.
	Holds []privacy.Held `json:"holds"`
	// ApprovalID is the approval that is needed, or was used.
	ApprovalID string `json:"approval_id"`
}

func (p *Program) erase(ctx context.Context, given string, o *eraseOptions) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	var sel privacy.Selector
	if given != "" {
		if sel, err = p.selector(ctx, w.trail, given, o.kind); err != nil {
			return err
		}
	}
	if o.request, err = answering(ctx, w.trail, o.request, "erase", &sel); err != nil {
		return err
	}
	service := p.privacyOf(w.trail, p.org)
	if service.Holds, err = w.trail.asker.Holding(ctx); err != nil {
		return err
	}
	plan, err := service.Plan(ctx, sel)
	if err != nil {
		return err
	}
	answer := erasure{Selector: string(sel.Kind), Result: privacy.Result{Counts: plan.Counts}, Holds: plan.Held}
	if answer.Holds == nil {
		answer.Holds = []privacy.Held{}
	}
	if plan.Empty() || o.dry {
		return p.tellErasure(&answer)
	}
	if !whodid.IsHuman(who.Actor) {
		return &exitError{code: ExitNotAllowed, err: withHint(errors.New("only people erase; "+who.Actor+" is none"), "erase in a terminal of your own")}
	}
	if o.request == "" {
		if err := noneOpen(ctx, w.trail, &sel); err != nil {
			return err
		}
	}
	by := privacy.Who{Actor: who.Actor, Auth: who.Auth, Request: o.request, Source: "cli"}
	rules, err := p.rulesHere()
	if err != nil {
		return err
	}
	if rules.EraseFourEyes || o.approval != "" {
		if by.Approval, err = p.secondPerson(ctx, w, &sel, o, who); err != nil {
			return err
		}
		if by.Approval == "" {
			return nil // it was asked for, and told
		}
	}
	if err := p.confirmErasure(plan, o); err != nil {
		return err
	}
	if by.Approval != "" {
		if err := p.useSecondPerson(ctx, w, &sel, by.Approval, who); err != nil {
			return err
		}
		// Using it was an event, which names what is erased.
		if plan, err = service.Plan(ctx, sel); err != nil {
			return err
		}
	}
	done, err := service.Erase(ctx, plan, o.reason, by)
	if err != nil {
		return err
	}
	answer.Done, answer.Result, answer.ApprovalID = true, *done, by.Approval
	if err := p.pin(ctx, w.trail); err != nil {
		return err
	}
	return p.tellErasure(&answer)
}

// confirmErasure asks on a terminal, and refuses where nobody can answer.
func (p *Program) confirmErasure(plan *privacy.Plan, o *eraseOptions) error {
	if o.yes {
		return nil
	}
	if !isTerminal(p.Stdin) {
		return misuse(errors.New("nobody is there to confirm"), "an erasure can't be taken back: look with --dry-run, then say --yes")
	}
	fmt.Fprintf(p.Stderr, "This erases %d values of %d events for good. Erase? [y/N] ", plan.Counts.Fields, plan.Counts.Events)
	line, _ := bufio.NewReader(p.Stdin).ReadString('\n') // nothing is no
	if answer := strings.ToLower(strings.TrimSpace(line)); answer != "y" && answer != "yes" {
		return errors.New("nothing was erased")
	}
	return nil
}

func (p *Program) tellErasure(a *erasure) error {
	if p.json {
		return p.printJSON(a)
	}
	o := p.out()
	facts := []term.Fact{}
	add := func(name string, n int) {
		if n > 0 {
			facts = append(facts, fact(name, strconv.Itoa(n)))
		}
	}
	add("Events", a.Events)
	add("Values", a.Fields)
	for _, what := range slices.Sorted(maps.Keys(a.Kinds)) {
		add("  "+what, a.Kinds[what])
	}
	add("Executions", a.Executions)
	add("Commits", a.Commits)
	add("Tokens", a.Tokens)
	add("Names", a.Names)
	add("Logs", a.Logs)
	add("Held", a.Held)
	if a.EventID != "" {
		facts = append(facts, fact("Request", a.EventID))
	}
	if a.Left != "" {
		facts = append(facts, fact("Left to do", a.Left))
	}
	if a.LogUntil != "" {
		facts = append(facts, fact("Log until", a.LogUntil+" ("+a.LogSegment+")"))
	}
	if len(facts) == 0 {
		p.advise(o, "The trail holds nothing of it.")
		return nil
	}
	o.Facts(facts...)
	for _, h := range a.Holds {
		o.Printf("held: %s by %s\n", h.EventID, h.Hold)
	}
	if !a.Done {
		p.advise(o, "Nothing was erased.")
	}
	return nil
}

func (p *Program) privacyReapplyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reapply",
		Short: "Erase in a restored copy of the trail what had been erased since",
		Long: `What was erased is listed apart from the trail, without saying what it was. Every
command compares the trail with that list before it answers, and erases first what
an older copy still has; this one does nothing else.`,
		Example: `  whodid privacy reapply`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			t, err := p.openOnly(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			done, err := p.privacyOf(t, p.org).Settle(c.Context())
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(done)
			}
			o := p.out()
			if len(done.Requests) == 0 {
				p.advise(o, "The trail lacks no erasure.")
			}
			for _, id := range done.Requests {
				o.Printf("%s\n", id)
			}
			if done.Left != "" {
				p.advise(o, "Left to do: %s", done.Left)
			}
			return nil
		},
	}
}
