//! Compiles the C shim against the headers of the libjpeg-turbo that `turbojpeg-sys` builds and links.

fn main() {
    println!("cargo:rerun-if-changed=csrc/shim.c");
    println!("cargo:rerun-if-changed=csrc/shim.h");
    let mut build = cc::Build::new();
    for include in std::env::var("DEP_TURBOJPEG_INCLUDE").iter().flat_map(|paths| paths.split(',')) {
        build.include(include);
    }
    build.file("csrc/shim.c").opt_level(2).warnings(true).extra_warnings(true).compile("dlcs_jpeg_shim");
}
