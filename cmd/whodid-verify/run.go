package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/whodid/whodid/proof"
)

// The exit codes, which are those of whodid itself.
const (
	exitGood   = 0
	exitError  = 1 // something could not be read or written
	exitUsage  = 2
	exitFailed = 3 // the verification failed
)

const usage = `whodid-verify checks the proof of one event of a whodid trail. It works offline
and trusts nothing but the keys that you give it.

Usage:
  whodid-verify BUNDLE --key KEY [--json]
  whodid-verify BUNDLE --trust FILE [--json]

BUNDLE is a file that "whodid prove" wrote, or - for standard input.

  --key KEY     the log's public key, "origin+hash+base64"; may be given again
  --trust FILE  a JSON file of such keys: {"keys": ["origin+hash+base64", ...]}
  --json        print one JSON document

Get the key from whoever keeps the trail by a way that you trust. The key that
a bundle names is only the claim of whoever made the bundle.

Examples:
  whodid-verify bundle.json --key 'example.com/log+5f1b02ab+AbC...'
  whodid-verify bundle.json --trust auditor-keys.json --json
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
	case len(o.keys) == 0 && o.trust == "":
		return o, errors.New("no trusted key is given: use --key or --trust")
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
	keys, code, err := trusted(o)
	if err != nil {
		return code, err
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
	b, err := proof.ParseBundle(in)
	if errors.Is(err, proof.ErrBundle) {
		return exitFailed, err
	}
	if err != nil {
		return exitError, err
	}
	r := newReport(b, proof.Check(b, keys))
	show := r.text
	if o.json {
		show = r.json
	}
	if err := show(stdout); err != nil {
		return exitError, fmt.Errorf("couldn't write the verdicts: %w", err)
	}
	if !r.Verified {
		return exitFailed, nil
	}
	return exitGood, nil
}

// maxTrust bounds a file of keys in bytes: some thousand keys.
const maxTrust = 1 << 20

// trusted collects the keys of the command line; the code says how to end if
// it can't.
func trusted(o options) (proof.Keys, int, error) {
	texts := o.keys
	if o.trust != "" {
		f, err := os.Open(o.trust)
		if err != nil {
			return proof.Keys{}, exitError, fmt.Errorf("couldn't open the trusted keys: %w", err)
		}
		defer f.Close() //nolint:errcheck // it was only read
		var list struct {
			Keys []string `json:"keys"`
		}
		content, err := io.ReadAll(io.LimitReader(f, maxTrust+1))
		if err != nil {
			return proof.Keys{}, exitError, fmt.Errorf("couldn't read the trusted keys: %w", err)
		}
		if len(content) > maxTrust {
			return proof.Keys{}, exitUsage, fmt.Errorf("the trusted keys in %s take more than %d bytes", o.trust, maxTrust)
		}
		if err := json.Unmarshal(content, &list); err != nil {
			return proof.Keys{}, exitUsage, fmt.Errorf("couldn't read the trusted keys in %s: %w", o.trust, err)
		}
		if len(list.Keys) == 0 {
			return proof.Keys{}, exitUsage, fmt.Errorf(`there are no trusted keys in %s: it must look like {"keys": ["origin+hash+base64"]}`, o.trust)
		}
		texts = append(texts, list.Keys...)
	}
	keys, err := proof.ParseKeys(texts...)
	if err != nil {
		return proof.Keys{}, exitUsage, err
	}
	return keys, exitGood, nil
}
