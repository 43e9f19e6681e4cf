package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/sshsig"
)

// The exit codes, which are those of whodid itself.
const (
	exitGood   = 0
	exitError  = 1 // something could not be read or written
	exitUsage  = 2
	exitFailed = 3 // the verification failed
)

const usage = `whodid-verify checks a proof of a whodid trail. It works offline and trusts
nothing but the keys that you give it.

Usage:
  whodid-verify PROOF --key KEY [--json]
  whodid-verify PROOF --trust FILE [--policy FILE] [--about SUBJECT] [--json]
  whodid-verify FOLDER --trust FILE [--json]

PROOF is a file that "whodid prove", "whodid why --prove" or "whodid incident
bundle" wrote: a zip archive, or the JSON bundle of one event. - is standard
input. FOLDER is what "whodid export" wrote: all of a period.

  --key KEY     the log's public key, "origin+hash+base64"; may be given again
  --trust FILE  what you trust, in JSON: {"keys": ["origin+hash+base64", ...],
                "witnesses": ["name+hash+base64", ...], "quorum": 2,
                "time_authorities": ["-----BEGIN CERTIFICATE-----..."],
                "allowed_signers": ["who key", ...], "checkpoints": ["..."]}; all
                but "keys" may be left out. quorum is how many of the witnesses must
                have cosigned for what they saw to be proved
  --policy FILE which logs you trust and which witnesses must have cosigned, as
                C2SP tlog-policy writes it (log, witness, group and quorum lines), in
                the place of "witnesses" and "quorum"
  --about WHAT  refuse a proof of anything else: execution:ID, event:ID, commit:ID,
                pull_request:#44, line:FILE:LINE, period:FROM..TO, incident:ID,
                report:sha256:SUM
  --json        print one JSON document

Get the keys from whoever keeps the trail by a way that you trust. The key that
a proof names is only the claim of whoever made the proof.

Examples:
  whodid-verify proof.zip --trust auditor-keys.json
  whodid-verify proof.zip --trust auditor-keys.json --about execution:exec-7k2m9q4tz8w1c3ab
  whodid-verify audit-2026-10 --trust auditor-keys.json
  whodid-verify bundle.json --key 'example.com/log+5f1b02ab+AbC...'
  whodid prove evt-7k2m | whodid-verify - --trust auditor-keys.json

Exit status:
  0  integrity is proved and nothing is refuted
  1  a file could not be read
  2  the command was used wrongly
  3  the verification failed
`

// options are what the command line asks for.
type options struct {
	bundle string
	keys   []string
	trust  string
	policy string
	about  string
	json   bool
}

// errHelp means that the user asked for help and nothing else.
var errHelp = errors.New("help")

// parse reads the command line. Flags may stand before and after the bundle.
func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("whodid-verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("key", "", func(key string) error {
		o.keys = append(o.keys, key)
		return nil
	})
	flags.StringVar(&o.trust, "trust", "", "")
	flags.StringVar(&o.policy, "policy", "", "")
	flags.StringVar(&o.about, "about", "", "")
	flags.BoolVar(&o.json, "json", false, "")
	for rest := args; ; {
		if err := flags.Parse(rest); errors.Is(err, flag.ErrHelp) {
			return o, errHelp
		} else if err != nil {
			return o, err
		}
		if flags.NArg() == 0 {
			break
		}
		if o.bundle != "" {
			return o, fmt.Errorf("more than one bundle: %q and %q", o.bundle, flags.Arg(0))
		}
		o.bundle, rest = flags.Arg(0), flags.Args()[1:]
	}
	switch {
	case o.bundle == "":
		return o, errors.New("no bundle is given")
	case len(o.keys) == 0 && o.trust == "" && o.policy == "":
		return o, errors.New("no trusted key is given: use --key, --trust or --policy")
	}
	return o, nil
}

// run is the program: it returns the exit code.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parse(args)
	if errors.Is(err, errHelp) {
		fmt.Fprint(stdout, usage)
		return exitGood
	}
	if err != nil {
		fmt.Fprintf(stderr, "whodid-verify: %v\nTry: whodid-verify --help\n", err)
		return exitUsage
	}
	code, err := verify(o, stdin, stdout)
	if err != nil {
		fmt.Fprintf(stderr, "whodid-verify: %s\n", plain(err.Error()))
	}
	return code
}

func verify(o options, stdin io.Reader, stdout io.Writer) (int, error) {
	trust, code, err := trusted(o)
	if err != nil {
		return code, err
	}
	if info, err := os.Stat(o.bundle); o.bundle != "-" && err == nil && info.IsDir() {
		return verifyExport(o, trust, stdout)
	}
	in := stdin
	if o.bundle != "-" {
		f, err := os.Open(o.bundle)
		if err != nil {
			return exitError, fmt.Errorf("couldn't open the bundle: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		in = f
	}
	content, err := io.ReadAll(io.LimitReader(in, dossier.MaxArchive+1))
	if err != nil {
		return exitError, fmt.Errorf("couldn't read the proof: %w", err)
	}
	show, good, err := check(content, trust, o)
	if err != nil {
		return exitFailed, err
	}
	if err := show(stdout); err != nil {
		return exitError, fmt.Errorf("couldn't write the verdicts: %w", err)
	}
	if !good {
		return exitFailed, nil
	}
	return exitGood, nil
}

// check checks an archive or a bundle, and returns how to show what it found.
func check(content []byte, trust *dossier.Trust, o options) (show func(io.Writer) error, good bool, err error) {
	if casefile.Is(content) {
		return checkIncident(content, trust, o)
	}
	if dossier.IsArchive(content) {
		d, err := dossier.Parse(content)
		if err != nil {
			return nil, false, err
		}
		if subject := d.Subject.String(); o.about != "" && o.about != subject {
			return nil, false, fmt.Errorf("it is the proof of %s, not of %s", subject, o.about)
		}
		r := answer{Verified: false, Report: dossier.Check(d, trust)}
		r.Verified = r.Verdicts.Holds()
		if o.json {
			return func(w io.Writer) error { return printJSON(w, r) }, r.Verified, nil
		}
		return r.text, r.Verified, nil
	}
	b, err := proof.ParseBundle(bytes.NewReader(content))
	if err != nil {
		return nil, false, err
	}
	var signature proof.Signature
	if trust.Signers != nil {
		signature = func(a *whodid.Approval) error { return sshsig.CheckApproval(a, trust.Signers) }
	}
	verdicts := proof.CheckSigned(b, trust.Keys, signature)
	if len(trust.Witnesses) > 0 && verdicts.Integrity.State != proof.Refuted {
		verdicts.Time = proof.WitnessedTime(b, trust.Witnesses, trust.Quorum)
	}
	r := newReport(b, verdicts)
	if o.about != "" && (r.Event == nil || o.about != dossier.OfEvent+":"+r.Event.ID) {
		return nil, false, fmt.Errorf("it is not the proof of %s", o.about)
	}
	if o.json {
		return func(w io.Writer) error { return printJSON(w, r) }, r.Verified, nil
	}
	return r.text, r.Verified, nil
}

// maxTrust bounds a file of keys, or a policy, in bytes: some thousand keys.
const maxTrust = proof.MaxPolicy

// trusted collects what the command line trusts; the code says how to end if it
// can't.
func trusted(o options) (*dossier.Trust, int, error) {
	content, code, err := readTrust(o.trust)
	if err != nil {
		return nil, code, err
	}
	var policy *proof.Policy
	if o.policy != "" {
		text, code, err := readTrust(o.policy)
		if err != nil {
			return nil, code, err
		}
		if policy, err = proof.ParsePolicy(text); err != nil {
			return nil, exitUsage, fmt.Errorf("couldn't read %s: %w", o.policy, err)
		}
		o.keys = append(o.keys, policy.Logs...)
	}
	t, err := dossier.ParseTrust(content, o.keys...)
	if err == nil && policy != nil {
		err = t.Follow(policy)
	}
	if err != nil && o.trust != "" {
		return nil, exitUsage, fmt.Errorf("couldn't read the trusted keys in %s: %w", o.trust, err)
	}
	if err != nil {
		return nil, exitUsage, err
	}
	return t, exitGood, nil
}

// readTrust reads a file of what is trusted; there is nothing in none.
func readTrust(file string) (content []byte, code int, err error) {
	if file == "" {
		return nil, exitGood, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, exitError, fmt.Errorf("couldn't open the trusted keys: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	if content, err = io.ReadAll(io.LimitReader(f, maxTrust+1)); err != nil {
		return nil, exitError, fmt.Errorf("couldn't read the trusted keys: %w", err)
	}
	if len(content) > maxTrust {
		return nil, exitUsage, fmt.Errorf("the trusted keys in %s take more than %d bytes", file, maxTrust)
	}
	return content, exitGood, nil
}
