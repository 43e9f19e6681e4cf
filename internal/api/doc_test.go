package api_test

import (
	"net/http"
	"testing"

	"github.com/whodid/whodid/internal/api"
)

// TestOperations keeps the table of operations whole.
func TestOperations(t *testing.T) {
	t.Parallel()
	ids, patterns := map[string]bool{}, map[string]bool{}
	for _, o := range api.Operations() {
		if ids[o.ID] || o.ID == "" || o.Summary == "" {
			t.Errorf("operation %q is there twice, or says nothing of itself", o.ID)
		}
		if pattern := o.Method + " " + o.Path; patterns[pattern] {
			t.Errorf("%s is there twice", pattern)
		} else {
			patterns[pattern] = true
		}
		ids[o.ID] = true
		if o.Needs == "" && o.ID != "openapi" {
			t.Errorf("%s asks for no permission", o.ID)
		}
		if (o.Method == http.MethodPost) != (o.In != nil) {
			t.Errorf("%s: a body goes with POST, and with nothing else", o.ID)
		}
	}
}
