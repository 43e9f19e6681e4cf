package shell

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// allowedData are the keys that may leave, see [Act].
var allowedData = []string{"program", "subcommand", "exit_code", "sha", "branch", "url", "number", "count", "sudo", "force", "amend", "package", "version", "environment"}

// check holds what is true of all acts, whatever the input.
func check(t *testing.T, command string, out *Outcome) {
	t.Helper()
	before := Acts(command, nil, "acme/shop")
	after := Acts(command, out, "acme/shop")
	if len(before) == 0 || len(before) > maxActs {
		t.Fatalf("%d acts", len(before))
	}
	if len(before) != len(after) {
		t.Fatalf("%d acts before, %d after", len(before), len(after))
	}
	for i, a := range after {
		if before[i].Result != Attempted {
			t.Errorf("%q before it ran: %v", before[i].Result, before[i])
		}
		if before[i].What != a.What {
			t.Errorf("act %d was %s, became %s", i, before[i].What, a.What)
		}
		if !slices.Contains([]string{Success, Failed, Attempted, Cancelled}, a.Result) {
			t.Errorf("result %q", a.Result)
		}
		if len(a.Target) > 300 || strings.ContainsFunc(a.Target, func(r rune) bool { return r < ' ' || r > '~' }) || strings.ContainsAny(a.Target, "?$`\"'\\<>|*{}") {
			t.Errorf("target %q", a.Target)
		}
		for k, v := range a.Data {
			if !slices.Contains(allowedData, k) {
				t.Errorf("data key %q", k)
			}
			switch v := v.(type) {
			case int, bool:
			case string:
				if v == "" || len(v) > 300 || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("data %s = %q", k, v)
				}
			default:
				t.Errorf("data %s is a %T", k, v)
			}
		}
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	proof := &Outcome{ExitKnown: true, Stdout: strings.Repeat(summary+pullURL+pushed44+"\x1b[31m\r", 1<<14)}
	for _, unit := range []string{
		"(", "((", "$(", "`", "{ ", "if ", "! ", "$((", "${a:-", "\"$(", "<(", "while ", "case x in x) ", "[[ (", "a && ", "a | ", "a; ", "x=$(", "<<E ", "((-",
		"(\")\"", "((\")\"+", "(\")\";", ";", "'", "\\", "\x00", "\xff", "\r\n", "set -e;git commit;", "git commit && ", "git commit || ", "git commit;echo x;", "git push;cat x;",
		"f(){ f;f;};f;", "f(){ g;g;};g(){ h;h;};f;", "bash -c 'a;", "if a;then b;elif ", "eval ", "sudo ", "env a=b ", "rm a ", "\x1b[", "git push origin ",
	} {
		command := strings.Repeat(unit, 4<<20/len(unit))
		start := time.Now()
		check(t, command, proof)
		// The bound is generous for a busy machine and the race detector; what
		// isn't bounded takes minutes or the stack.
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%q repeated took %v", unit, d)
		}
	}
}

// Memory doesn't grow with what was printed, beyond what is looked at.
func TestHugeOutput(t *testing.T) {
	out := &Outcome{ExitKnown: true, Stdout: strings.Repeat("x", 50<<20) + "\n" + pullURL}
	if got := show(Acts("gh pr create --fill", out, "")); got[0] != "pr.create acme/shop#44 success" {
		t.Errorf("a proof at the end of 50 MB: %v", got)
	}
	r := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			Acts("gh pr create --fill", out, "")
		}
	})
	if got := r.AllocedBytesPerOp(); got > 2<<20 {
		t.Errorf("%d bytes allocated for 50 MB of output, want less than 2 MiB", got)
	}
}

func TestLongCommandIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("words ", maxCommand/6)
	runActs(t, "", []actsCase{
		// The statements before the cut are read, but the status may be of one after it.
		{"git push origin main\ngo test\necho '" + long + "'\ngo build", exitErr(0, pushed44), []string{"commit.push acme/shop@main success", "test.run go test attempted"}},
		{"git commit -m '" + long[:maxCommand/2] + "'", exit(0, summary), []string{"commit.create 1a2b3c4 success"}},
		{"git commit -m '" + long + "'", exit(0, summary), []string{"shell.run git attempted"}},
	})
}

// No secret, title, message or body leaves, wherever it stands in the line.
func TestNoContent(t *testing.T) {
	t.Parallel()
	for _, canary := range []string{
		"ghp_0123456789abcdefghijABCDEFGHIJ012345", "sk-ant-FAKE-0123456789abcdef0123", "AKIAIOSFODNN7EXAMPLE", "jane.doe@example.com", "Jane Doe's salary",
		"glpat-FAKEFAKEFAKE12345678", "correct horse battery staple", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmYWtlIn0.c2lnbmF0dXJl",
	} {
		q := "'" + strings.ReplaceAll(canary, "'", `'\''`) + "'"
		for _, command := range []string{
			"CANARY", "./CANARY", "X=CANARY", "X=CANARY ls", "ls CANARY", "git CANARY", "git commit -m CANARY", "git commit -mCANARY", "git commit --author=CANARY", "git push https://CANARY@github.com/a/b main",
			"git push origin CANARY", "git push origin HEAD:CANARY", "git checkout -b CANARY", "git tag CANARY", "git merge CANARY", "git -c user.name=CANARY -C CANARY status",
			"gh pr create -t CANARY -b CANARY -H CANARY", "gh pr merge CANARY", "gh pr review 1 -b CANARY", "gh -R CANARY pr create", "gh release create CANARY -n CANARY", "gh secret set CANARY -b CANARY", "gh secret set -e CANARY X",
			"gh workflow run CANARY -f a=CANARY", "npm publish CANARY --otp CANARY", "docker push CANARY", "twine upload -p CANARY", "kubectl apply -f CANARY -n CANARY --token CANARY", "kubectl delete pod CANARY",
			"helm install CANARY c --set a=CANARY", "terraform apply -var a=CANARY", "pulumi up -s CANARY", "vercel --prod -t CANARY", "fly deploy -a CANARY", "gcloud run deploy CANARY --set-env-vars A=CANARY",
			"npm run CANARY", "make CANARY", "make test-CANARY", "rm CANARY", "mv CANARY x", "curl -H CANARY -d CANARY https://example.com/CANARY?x=CANARY", "curl https://CANARY@example.com/", "curl https://CANARY.example.com/", "wget --password=CANARY https://example.com",
			"bash -c CANARY", "bash <<< CANARY", "cat <<E\nCANARY\nE", "echo CANARY | sudo tee CANARY", "vault kv put CANARY a=CANARY", "goose postgres CANARY up", "python -m CANARY", "CANARY() { ls; }; CANARY", "alias x=CANARY", "sudo -u CANARY ls",
		} {
			line := strings.ReplaceAll(command, "CANARY", q)
			out := exit(0, strings.NewReplacer("main", q, "44", canary).Replace(summary+pullURL+pushed44)+canary+"\n[main 1a2b3c4] "+canary+"\n x\n+ "+canary+"@1.0.0\n")
			for _, o := range []*Outcome{nil, out} {
				acts := Acts(line, o, "acme/shop")
				told, err := json.Marshal(acts)
				if err != nil {
					t.Fatal(err)
				}
				// Domain and first name of an address would be enough to find somebody.
				for _, part := range []string{canary, strings.TrimSuffix(canary, "@example.com")} {
					if strings.Contains(strings.ToLower(string(told)), strings.ToLower(part)) {
						t.Errorf("Acts(%q) tells %s", line, told)
					}
				}
			}
		}
	}
}

func FuzzActs(f *testing.F) {
	for _, s := range []string{
		"git add -A && git commit -q -m 'x' && git log -1 --format=%H", "gh pr create --fill || true", "bash -c 'git push'; rm a", "set -e; for i in a; do npm test; done | tail",
		"f() { cat <<E\n$(git push)\nE\n}; f &", "sudo env A=b timeout 5 kubectl apply -f x", "URL=$(gh pr create) && echo \"$URL\"", "((((", "'", "${a[$(b)]}", "curl https://u:p@h/p?q#f",
	} {
		f.Add(s, summary+pullURL, pushed44, 0, true, false)
		f.Add(s, exists, "", 1, true, true)
	}
	f.Fuzz(func(t *testing.T, command, stdout, stderr string, exit int, known, interrupted bool) {
		check(t, command, &Outcome{Exit: exit, ExitKnown: known, Stdout: stdout, Stderr: stderr, Interrupted: interrupted})
	})
}

func TestInputIsNotChanged(t *testing.T) {
	t.Parallel()
	out := exit(0, pullURL)
	first := Acts("gh pr create", out, "")
	second := Acts("gh pr create", out, "")
	if *out != *exit(0, pullURL) || !maps.Equal(first[0].Data, second[0].Data) {
		t.Errorf("the same call told %v, then %v", first, second)
	}
}
