package hook

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/policy"
)

// ReadRules reads what the policies in files say of what agents do. Files that are
// not there say nothing. See [place.Policies] and [place.PoliciesOf].
func ReadRules(files ...string) policy.Rules {
	var all []*policy.Policy
	var broken error
	required := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			broken = errors.Join(broken, fmt.Errorf("couldn't read the policy: %w", err))
			// What it says can't be known, and whose it is can.
			required = required || file == place.SystemPolicy()
			continue
		}
		if !saysOfActions(text) {
			continue // rules for commits, which are looked at elsewhere
		}
		p, err := policy.Parse(text, file)
		if err != nil {
			broken = errors.Join(broken, err)
			required = required || policy.SeemsRequired(text)
			continue
		}
		all = append(all, p)
	}
	r := policy.Together(all...)
	r.Broken, r.Required = broken, r.Required || required
	return r
}

// saysOfActions tells whether a policy may say anything of what agents do.
func saysOfActions(text []byte) bool {
	for _, word := range []string{"approval", "budget", "privacy", "review"} {
		if bytes.Contains(text, []byte(word)) {
			return true
		}
	}
	return false
}
