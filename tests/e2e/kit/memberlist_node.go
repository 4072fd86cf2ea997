// SPDX-License-Identifier: Apache-2.0

// A plain memberlist node for the tests of mixed pools: it joins, tells who it sees, changes keys
// and leaves, as lines on its standard input say; each is answered by one line.
//
//	memberlist_node NAME ADDRESS KEY|- META-HEX [SEED]
//
//	members           NAME STATE ADDRESS META-HEX; ...
//	install|use|remove KEY
//	leave             and then it ends
package main

import (
	"bufio"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/memberlist"
)

type delegate struct{ meta []byte }

func (d *delegate) NodeMeta(limit int) []byte                  { return d.meta }
func (d *delegate) NotifyMsg([]byte)                           {}
func (d *delegate) GetBroadcasts(overhead, limit int) [][]byte { return nil }
func (d *delegate) LocalState(join bool) []byte                { return nil }
func (d *delegate) MergeRemoteState(buf []byte, join bool)     {}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func key(text string) []byte {
	k, err := base64.StdEncoding.DecodeString(text)
	must(err)
	return k
}

func members(list *memberlist.Memberlist) string {
	var out []string
	for _, n := range list.Members() {
		out = append(out, fmt.Sprintf("%s %d %s:%d %s", n.Name, 0, n.Addr, n.Port,
			hex.EncodeToString(n.Meta)))
	}
	return strings.Join(out, "; ")
}

func obey(list *memberlist.Memberlist, ring *memberlist.Keyring, words []string) string {
	var err error
	switch words[0] {
	case "members":
		return members(list)
	case "install":
		err = ring.AddKey(key(words[1]))
	case "use":
		err = ring.UseKey(key(words[1]))
	case "remove":
		err = ring.RemoveKey(key(words[1]))
	case "leave":
		err = list.Leave(5 * time.Second)
	default:
		return "unknown"
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

func main() {
	c := memberlist.DefaultLANConfig()
	meta, err := hex.DecodeString(os.Args[4])
	must(err)
	c.Name, c.BindAddr, c.AdvertiseAddr = os.Args[1], os.Args[2], os.Args[2]
	c.LogOutput = io.Discard
	if os.Getenv("MEMBERLIST_LOG") != "" {
		c.LogOutput = os.Stderr
	}
	c.Delegate = &delegate{meta}
	c.DelegateProtocolMin, c.DelegateProtocolMax, c.DelegateProtocolVersion = 2, 5, 5
	if os.Args[3] != "-" {
		c.Keyring, err = memberlist.NewKeyring(nil, key(os.Args[3]))
		must(err)
	}
	list, err := memberlist.Create(c)
	must(err)
	if len(os.Args) > 5 {
		_, err = list.Join(os.Args[5:])
		must(err)
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		words := strings.Fields(in.Text())
		fmt.Println(obey(list, c.Keyring, words))
		if words[0] == "leave" {
			return
		}
	}
}
