package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
)

// An agent asks over the API, and a person who is signed in decides, once.
func TestApprovals(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		asked := `{"type":"pr.merge","target":"acme/shop#44","why":"it is done","arguments":{"method":"squash"}}`
		var a ask.Approval
		w.ok(&a, "bound", http.MethodPost, "/v1/approvals", asked)
		if a.State != "pending" || a.Agent != "eng/solver" || a.RequestedBy != "agent:eng/solver" || a.Digest == "" {
			t.Errorf("asked: %+v", a)
		}
		path := "/v1/approvals/" + a.ApprovalID
		reason := `{"reason":"reviewed"}`
		for name, test := range map[string]struct {
			token, method, path, body string
			want                      int
		}{
			"another agent's name":     {"bound", "POST", "/v1/approvals", `{"type":"pr.merge","agent":"eng/other"}`, 403},
			"no agent":                 {"recorder", "POST", "/v1/approvals", `{"type":"pr.merge"}`, 422},
			"no action":                {"bound", "POST", "/v1/approvals", `{"type":"approval.grant"}`, 422},
			"a reader asks":            {"reader", "POST", "/v1/approvals", asked, 403},
			"the agent decides":        {"bound", "POST", path + "/approve", reason, 403},
			"a recorder decides":       {"recorder", "POST", path + "/approve", reason, 403},
			"a reader decides":         {"reader", "POST", path + "/approve", reason, 403},
			"an auditor decides":       {"auditor", "POST", path + "/reject", reason, 403},
			"a token decides":          {"deciding", "POST", path + "/approve", reason, 403},
			"a token withdraws":        {"deciding", "POST", path + "/cancel", `{}`, 403},
			"without a reason":         {"approver", "POST", path + "/approve", `{"reason":" "}`, 422},
			"for a time that is over":  {"approver", "POST", path + "/approve", `{"reason":"r","valid_until":"2020-01-01T00:00:00Z"}`, 422},
			"a signature that is none": {"approver", "POST", path + "/approve", `{"reason":"r","signature":"x","signing_key":"SHA256:x"}`, 403},
			"what is not there":        {"approver", "POST", "/v1/approvals/appr-0000000000000000/approve", reason, 404},
			"another organisation":     {"other", "POST", path + "/approve", reason, 404},
			"looked at from there":     {"other", "GET", path, "", 404},
			"a state that is none":     {"reader", "GET", "/v1/approvals?state=maybe", "", 400},
			"a recorder looks":         {"recorder", "GET", path, "", 403},
			"an event that says so":    {"recorder", "POST", "/v1/events", `{"what":"approval.grant","key":"approval/` + a.ApprovalID + `/decision","approval_id":"` + a.ApprovalID + `"}`, 403},
		} {
			if got := w.call(test.token, test.method, test.path, test.body); got.status != test.want {
				t.Errorf("%s: %d %s, want %d", name, got.status, got.body, test.want)
			}
		}
		w.ok(&a, "reader", http.MethodGet, path+"/wait?seconds=0", "")
		if a.State != "pending" {
			t.Errorf("after all of that it is %s", a.State)
		}
		w.ok(&a, "approver", http.MethodPost, path+"/approve", reason)
		if a.State != "approved" || a.DecidedBy != "human:papprover" || a.DecidedAuth != "oidc" || a.Reason != "reviewed" || a.ValidUntil == nil {
			t.Errorf("decided: %+v", a)
		}
		if got := w.call("approver", http.MethodPost, path+"/reject", reason); got.status != 409 || !strings.Contains(string(got.body), "approved") {
			t.Errorf("decided twice: %d %s", got.status, got.body)
		}
		var list ask.ApprovalList
		w.ok(&list, "eng", http.MethodGet, "/v1/approvals?state=approved", "")
		if len(list.Approvals) != 1 {
			t.Errorf("the squad sees %+v", list)
		}
		w.ok(&a, "recorder", http.MethodPost, "/v1/approvals", `{"type":"deploy.production","target":"shop","agent":"ops/deployer"}`)
		if got := w.call("eng", http.MethodGet, "/v1/approvals/"+a.ApprovalID, ""); got.status != 404 {
			t.Errorf("another squad sees it: %d", got.status)
		}
		w.ok(&a, "approver", http.MethodPost, "/v1/approvals/"+a.ApprovalID+"/cancel", `{"reason":"no"}`)
		if a.State != "cancelled" {
			t.Errorf("cancelled: %+v", a)
		}
	})
}
