package shell

import "slices"

import "strings"

// options are the arguments of a command, taken apart.
type options struct {
	operands []string
	flags    []option
}

type option struct{ name, value string }

// parseOptions takes args apart as getopt and its kin do. valued lists the
// options that take a value, each with a space on both sides (" -m --message ");
// what isn't listed is a flag without one, unless it says --name=value.
func parseOptions(args []string, valued string) options {
	var o options
	takes := func(name string) bool {
		return strings.Contains(valued, " "+name+" ")
	}
	for i := 0; i < len(args); i++ {
		a := args[i]
		next := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case a == "--":
			o.operands = append(o.operands, args[i+1:]...)
			return o
		case strings.HasPrefix(a, "--"):
			name, value, attached := strings.Cut(a, "=")
			if !attached && takes(name) {
				value = next()
			}
			o.flags = append(o.flags, option{name, value})
		case len(a) > 1 && a[0] == '-':
			// Some tools (Terraform, Java's, Go's) have long options with a
			// single dash; they come as a whole or with "=".
			if name, value, attached := strings.Cut(a, "="); attached && len(name) > 2 {
				o.flags = append(o.flags, option{name, value})
				continue
			}
			if len(a) > 2 && takes(a) {
				o.flags = append(o.flags, option{a, next()})
				continue
			}
			for j := 1; j < len(a); j++ {
				name := "-" + a[j:j+1]
				if !takes(name) {
					o.flags = append(o.flags, option{name, ""})
					continue
				}
				value := a[j+1:]
				if value == "" {
					value = next()
				}
				o.flags = append(o.flags, option{name, strings.TrimPrefix(value, "=")})
				break
			}
		default:
			o.operands = append(o.operands, a)
		}
	}
	return o
}

// has reports whether one of the options was given.
func (o options) has(names ...string) bool {
	for _, f := range o.flags {
		if slices.Contains(names, f.name) {
			return true
		}
	}
	return false
}

// value returns the value of the last of the options that was given.
func (o options) value(names ...string) string {
	v := ""
	for _, f := range o.flags {
		for _, n := range names {
			if f.name == n {
				v = f.value
			}
		}
	}
	return v
}

// operand returns the i-th operand, or "".
func (o options) operand(i int) string {
	if i < len(o.operands) {
		return o.operands[i]
	}
	return ""
}

// only reports whether every option that was given is one of names.
func (o options) only(names ...string) bool {
	for _, f := range o.flags {
		known := false
		for _, n := range names {
			known = known || f.name == n
		}
		if !known {
			return false
		}
	}
	return true
}

func oneOf(s string, list ...string) bool {
	return slices.Contains(list, s)
}
