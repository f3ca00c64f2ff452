//! A small database of countries in MaxMind's format (MaxMind DB file format
//! specification, version 2.0): a tree of single bits, and a record for each country.

/// Each network with the country it is in. IPv4 lies below `::/96`, as in MaxMind's own files.
pub(crate) fn countries(networks: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut tree = Tree::default();
    for (network, country) in networks {
        let (address, length) = network.split_once('/').expect("a network in CIDR form");
        let length: usize = length.parse().expect("a length");
        let (bits, length) = match address.parse().expect("an address") {
            std::net::IpAddr::V4(v4) => (u128::from(u32::from(v4)), length + 96),
            std::net::IpAddr::V6(v6) => (u128::from(v6), length),
        };
        tree.insert(bits, length, data.len());
        // {"country": {"iso_code": …}}
        data.extend(map(1));
        data.extend(text("country"));
        data.extend(map(1));
        data.extend(text("iso_code"));
        data.extend(text(country));
    }
    let mut file = tree.written();
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    file.extend(metadata(tree.nodes.len()));
    file
}

#[derive(Clone, Copy)]
enum Side {
    Nothing,
    Node(usize),
    Data(usize),
}

struct Tree {
    nodes: Vec<[Side; 2]>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![[Side::Nothing; 2]] }
    }
}

impl Tree {
    fn insert(&mut self, bits: u128, length: usize, data: usize) {
        let mut at = 0;
        for position in 0..length {
            let bit = usize::from(bits >> (127 - position) & 1 == 1);
            if position + 1 == length {
                self.nodes[at][bit] = Side::Data(data);
                return;
            }
            at = match self.nodes[at][bit] {
                Side::Node(next) => next,
                Side::Nothing | Side::Data(_) => {
                    self.nodes.push([Side::Nothing; 2]);
                    let next = self.nodes.len() - 1;
                    self.nodes[at][bit] = Side::Node(next);
                    next
                }
            };
        }
    }

    /// Records of 32 bits: a node, the number of nodes for nothing, or a place in the data.
    fn written(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let number = |side: &Side| match side {
            Side::Nothing => count,
            Side::Node(node) => *node,
            Side::Data(offset) => count + 16 + offset,
        };
        let records = self.nodes.iter().flatten().map(number);
        records.flat_map(|record| u32::try_from(record).expect("a small tree").to_be_bytes()).collect()
    }
}

fn metadata(nodes: usize) -> Vec<u8> {
    let mut out = map(9);
    out.extend(text("node_count"));
    out.push(0b1100_0100);
    out.extend(u32::try_from(nodes).expect("a small tree").to_be_bytes());
    for (name, value) in [
        ("record_size", 32_u16),
        ("ip_version", 6),
        ("binary_format_major_version", 2),
        ("binary_format_minor_version", 0),
    ] {
        out.extend(text(name));
        out.push(0b1010_0010);
        out.extend(value.to_be_bytes());
    }
    // A number of 64 bits is of an extended type: 9 less 7.
    out.extend(text("build_epoch"));
    out.extend([0b0000_0001, 2, 1]);
    out.extend(text("database_type"));
    out.extend(text("Test-Country"));
    out.extend(text("languages"));
    // An empty array: an extended type, 11 less 7.
    out.extend([0, 4]);
    out.extend(text("description"));
    out.extend(map(0));
    out
}

fn map(entries: u8) -> Vec<u8> {
    vec![0b1110_0000 | entries]
}

fn text(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 29).expect("a short text");
    [&[0b0100_0000 | length], text.as_bytes()].concat()
}
