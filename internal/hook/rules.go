package hook

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
)

// Rules are what the policies say of what agents do in a directory.
type Rules struct {
	// Policy has the rules of approval of all of them; nil if there is none.
	Policy *policy.Policy
	// Budgets are those of all of them.
	Budgets []policy.Budget
	// ReviewEvery is how often somebody has to review what agents did: the
	// shortest time that one of them says, or 0.
	ReviewEvery time.Duration
	// Broken is why one of them can't be read. What it demands is not known.
	Broken error
	// Required refuses what can't be decided.
	Required bool
}

// RulesFor reads the policies that hold in a directory: the administrator's, the
// repository's and the user's own. The rules of all of them hold, for none may
// take back what another demands.
func RulesFor(dir string, env place.Env) Rules {
	return readRules(place.Policies(dir, env))
}

func readRules(files []string) (r Rules) {
	var all []*policy.Policy
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			r.Broken = errors.Join(r.Broken, fmt.Errorf("couldn't read the policy: %w", err))
			// What it says can't be known, and whose it is can.
			r.Required = r.Required || file == place.SystemPolicy()
			continue
		}
		if !bytes.Contains(text, []byte("approval")) && !bytes.Contains(text, []byte("budget")) && !bytes.Contains(text, []byte("review")) {
			continue // rules for commits, which are looked at elsewhere
		}
		p, err := policy.Parse(text, file)
		if err != nil {
			r.Broken = errors.Join(r.Broken, err)
			r.Required = r.Required || policy.SeemsRequired(text)
			continue
		}
		all = append(all, p)
		r.Budgets = append(r.Budgets, p.Budgets...)
		if p.ReviewEvery != 0 && (r.ReviewEvery == 0 || p.ReviewEvery < r.ReviewEvery) {
			r.ReviewEvery = p.ReviewEvery
		}
	}
	if r.Policy = policy.CombineApprovals(all...); r.Policy != nil {
		r.Required = r.Required || r.Policy.Approvals.Required
	}
	return r
}
