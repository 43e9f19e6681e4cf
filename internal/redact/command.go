package redact

import "strings"

// A program takes a password in a short flag, which no name gives away.
type program struct {
	name     string
	flags    string // whose next argument is the secret, with spaces round them
	attached string // flag that the secret follows without a space, empty for none
	userpass bool   // the argument is user:password; one without a colon is only a user
}

var programs = [...]program{
	{name: "curl", flags: " -u --user -U --proxy-user ", attached: "-u", userpass: true},
	{name: "mysql", attached: "-p"},
	{name: "mysqldump", attached: "-p"},
	{name: "mysqladmin", attached: "-p"},
	{name: "mariadb", attached: "-p"},
	{name: "sshpass", flags: " -p ", attached: "-p"},
	{name: "login", flags: " -p "}, // docker login, az login, oc login
	{name: "redis-cli", flags: " -a "},
	{name: "ldapsearch", flags: " -w "},
	{name: "ldapmodify", flags: " -w "},
	{name: "mongosh", flags: " -p "},
	{name: "mongodump", flags: " -p "},
	{name: "sqlcmd", flags: " -P "},
	{name: "unzip", flags: " -P "},
	{name: "smbclient", flags: " -U ", userpass: true},
}

// command looks at the arguments of the program whose name is at f.view[at], to the end of the command, and adds the secrets.
func (f *finder) command(at int, name string) {
	const longestCommand = 4 << 10 // bytes
	s := f.view
	i := at + len(name)
	if at < f.callEnd || isToken(before(s, at)) || i >= len(s) || !isBlank(s[i]) {
		return
	}
	var p program
	for _, q := range programs {
		if q.name == name {
			p = q
		}
	}
	limit := min(len(s), i+longestCommand)
	wanted := false
	for i < limit {
		for i < limit && (isBlank(s[i]) || s[i] == '\\' && i+1 < limit && s[i+1] == '\n' || s[i] == '\n' && s[i-1] == '\\') {
			i++ // a line may go on in the next one
		}
		start := i
		i = argument(s, i, limit)
		if i == start {
			break // the command ends here
		}
		arg := s[start:i]
		switch {
		case wanted && (arg[0] != '-' || p.userpass):
			f.credential(start, i, p.userpass)
			wanted = false
		case has(p.flags, arg):
			wanted = true
		case p.attached != "" && len(arg) > len(p.attached) && strings.HasPrefix(arg, p.attached):
			f.credential(start+len(p.attached), i, p.userpass)
		default:
			if flag, _, ok := strings.Cut(arg, "="); ok && has(p.flags, flag) {
				f.credential(start+len(flag)+1, i, p.userpass)
			}
		}
	}
	f.callEnd = i
}

// argument returns where the argument ends that starts at s[i]; i itself when the command ends there. Quotes hold spaces together.
func argument(s string, i, limit int) int {
	quote := byte(0)
	for ; i < limit; i++ {
		c := s[i]
		switch {
		case c == '\n':
			return i
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case isQuote(c):
			quote = c
		case isBlank(c) || c == '|' || c == ';' || c == '&' || c == ')' || c == '<' || c == '>':
			return i
		}
	}
	return limit
}

// credential adds the argument f.view[start:end] without the quotes round it.
func (f *finder) credential(start, end int, userpass bool) {
	s := f.view
	if start < end && isQuote(s[start]) {
		if s[end-1] == s[start] && end-1 > start {
			end--
		}
		start++
	}
	for end > start && (isQuote(s[end-1]) || s[end-1] == ' ') {
		end-- // the quote belongs to what the whole command stands in
	}
	v := s[start:end]
	if v == "" || isPlaceholder(v) || userpass && !strings.ContainsAny(v, ":%") && !strings.HasPrefix(v, markOpen) {
		return
	}
	if user, pass, ok := strings.Cut(v, ":"); userpass && ok && isPlaceholder(user+"x") && pass != "" && isPlaceholder(pass) {
		return // $USER:$PASSWORD
	}
	f.add(start, end, rulePassword)
}
