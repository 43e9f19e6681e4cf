package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
)

// witnessPolicy is the answer of "witness policy".
type witnessPolicy struct {
	// Policy is the text of the policy.
	Policy string `json:"policy"`
	// Quorum is how many of the witnesses it asks for.
	Quorum    int `json:"quorum"`
	Witnesses int `json:"witnesses"`
}

func (p *Program) witnessPolicyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "policy",
		Short: "Print the log, its witnesses and their quorum as others verify it (C2SP tlog-policy)",
		Long: `Prints the key of the log, the C2SP witnesses that it is shown to and how many of
them must have cosigned, as a policy of C2SP tlog-policy: "whodid-verify --policy"
takes it, and so do the tools of others. Give it to those who will verify the
trail by a way that you do not control alone, as you give them the key.`,
		Example: `  whodid witness policy > policy
  whodid-verify proof.zip --policy policy`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			answer, err := p.witnessPolicy(c.Context())
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(answer)
			}
			_, err = fmt.Fprint(p.Stdout, answer.Policy)
			return err
		},
	}
}

func (p *Program) witnessPolicy(ctx context.Context) (*witnessPolicy, error) {
	file, err := p.witnessFile()
	if err != nil {
		return nil, err
	}
	t, err := p.openStore(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	log, err := t.store.Log(ctx, p.org)
	if err != nil {
		return nil, err
	}
	answer := &witnessPolicy{Quorum: file.Quorum}
	var b strings.Builder
	fmt.Fprintf(&b, "log %s\n", log.PublicKey)
	group := "quorum-of-all"
	var names []string
	for _, w := range file.of(p.org) {
		if w.Kind != witness.KindC2SP {
			continue
		}
		fmt.Fprintf(&b, "witness %s %s %s\n", w.Name, w.Key, w.URL)
		names = append(names, w.Name)
		if w.Name == group {
			group += "-"
		}
	}
	answer.Witnesses = len(names)
	switch {
	case file.Quorum == 0:
		b.WriteString("quorum none\n")
	case file.Quorum > len(names):
		return nil, withHint(fmt.Errorf("the quorum of %d can't be met: this log is shown to %d C2SP witnesses", file.Quorum, len(names)), "see: whodid witness list")
	default:
		fmt.Fprintf(&b, "group %s %d %s\nquorum %s\n", group, file.Quorum, strings.Join(names, " "), group)
	}
	answer.Policy = b.String()
	if _, err := proof.ParsePolicy([]byte(answer.Policy)); err != nil {
		return nil, errors.Join(errors.New("the witnesses can't be written as a policy"), err)
	}
	return answer, nil
}
