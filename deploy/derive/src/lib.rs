//! `#[derive(Setting)]`: a configuration struct as data, for the reference, the example and the check.
//!
//! Names, meanings and defaults are what the struct says to serde and to rustdoc, so that they cannot drift from what is
//! read. It must never accept a field without a doc comment.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Attribute, Data, DeriveInput, Error, Expr, Field, Fields, Lit, LitStr, Meta, Token};

/// Implements `deploy_service::settings::Setting` for a struct with named fields.
///
/// A field of a type that is none of ours, and so cannot implement it, says what it looks like and is shown as serde
/// writes it: `#[setting(like = "Vec<String>")]`.
#[proc_macro_derive(Setting, attributes(setting))]
pub fn setting(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    described(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// Where a field's value comes from if the configuration does not say it.
enum Default {
    /// It has to be said.
    None,
    /// The type's own.
    OfType,
    /// What a function gives.
    Call(syn::Path),
    /// What the section's own default has.
    OfSection,
}

/// A struct's fields.
fn named(input: &DeriveInput) -> Result<&Punctuated<Field, Token![,]>, Error> {
    match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Ok(&fields.named),
            _ => Err(Error::new_spanned(input, "a section has named fields")),
        },
        _ => Err(Error::new_spanned(input, "a section is a struct")),
    }
}

fn described(input: &DeriveInput) -> Result<TokenStream, Error> {
    let fields = named(input)?;
    let of_section = matches!(default(&input.attrs)?, Default::OfType);
    let entries = fields.iter().map(|field| entry(field, of_section));
    let entries = entries.collect::<Result<Vec<_>, _>>()?;
    let paths = fields.iter().map(paths).collect::<Result<Vec<_>, _>>()?;
    let changed = fields.iter().map(changed).collect::<Result<TokenStream, _>>()?;
    let defaults = quote!(let defaults = <Self as ::core::default::Default>::default(););
    let paths_found = quote!(::std::vec::Vec<(::std::string::String, ::std::path::PathBuf)>);
    let (name, defaults) = (&input.ident, of_section.then_some(defaults));
    Ok(quote! {
        impl ::deploy_service::settings::Setting for #name {
            fn shape() -> ::deploy_service::settings::Shape {
                #defaults
                ::deploy_service::settings::Shape::Section(::std::vec![#(#entries),*])
            }

            fn paths(&self, key: &str, found: &mut #paths_found) {
                #(#paths)*
            }

            fn changed(&self, other: &Self, key: &str, found: &mut ::std::vec::Vec<::std::string::String>) {
                #changed
            }
        }
    })
}

fn entry(field: &Field, of_section: bool) -> Result<TokenStream, Error> {
    let (ident, ty) = (&field.ident, &field.ty);
    let doc = doc(field)?;
    let like = like(field)?;
    let (shape, written) = match &like {
        Some(other) => (quote!(#other), quote!(::deploy_service::settings::serialized)),
        None => (quote!(#ty), quote!(::deploy_service::settings::Setting::written)),
    };
    let own = default(&field.attrs)?;
    let own = if of_section && matches!(own, Default::None) { Default::OfSection } else { own };
    let (default, is_required) = match own {
        Default::None => (quote!(::core::option::Option::None), true),
        Default::OfType => (quote!(#written(&<#ty as ::core::default::Default>::default())), false),
        Default::Call(path) => (quote!(#written(&#path())), false),
        Default::OfSection => (quote!(#written(&defaults.#ident)), false),
    };
    let name = name(field);
    Ok(quote! {
        ::deploy_service::settings::Field {
            name: #name,
            doc: #doc,
            shape: <#shape as ::deploy_service::settings::Setting>::shape(),
            default: #default,
            is_required: #is_required,
        }
    })
}

fn paths(field: &Field) -> Result<TokenStream, Error> {
    let (ident, name) = (&field.ident, name(field));
    if like(field)?.is_some() {
        return Ok(TokenStream::new());
    }
    Ok(quote! {
        ::deploy_service::settings::Setting::paths(
            &self.#ident,
            &::deploy_service::settings::below(key, #name),
            found,
        );
    })
}

fn changed(field: &Field) -> Result<TokenStream, Error> {
    let (ident, name) = (&field.ident, name(field));
    let key = quote!(::deploy_service::settings::below(key, #name));
    let written = quote!(::deploy_service::settings::serialized);
    Ok(match like(field)? {
        Some(_) => quote! {
            if #written(&self.#ident) != #written(&other.#ident) {
                found.push(#key);
            }
        },
        None => quote! {
            ::deploy_service::settings::Setting::changed(&self.#ident, &other.#ident, &#key, found);
        },
    })
}

fn name(field: &Field) -> String {
    field.ident.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// The doc comment, line by line, without the space that follows its slashes.
fn doc(field: &Field) -> Result<String, Error> {
    let mut lines = Vec::new();
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        if let Meta::NameValue(meta) = &attr.meta
            && let Expr::Lit(literal) = &meta.value
            && let Lit::Str(line) = &literal.lit
        {
            lines.push(line.value().trim().to_owned());
        }
    }
    if lines.is_empty() {
        return Err(Error::new_spanned(field, "say in a doc comment what the setting means"));
    }
    Ok(lines.join("\n"))
}

/// What `serde` is told of a default.
fn default(attrs: &[Attribute]) -> Result<Default, Error> {
    let mut found = Default::None;
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
        attr.parse_nested_meta(|meta| {
            let is_default = meta.path.is_ident("default");
            if !meta.input.peek(Token![=]) {
                if is_default {
                    found = Default::OfType;
                }
                return Ok(());
            }
            let text: LitStr = meta.value()?.parse()?;
            if is_default {
                found = Default::Call(text.parse()?);
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// The type that the field looks like to an operator.
fn like(field: &Field) -> Result<Option<syn::Type>, Error> {
    let mut found = None;
    for attr in field.attrs.iter().filter(|attr| attr.path().is_ident("setting")) {
        attr.parse_nested_meta(|meta| {
            if !meta.path.is_ident("like") {
                return Err(meta.error("`like` is the only word here"));
            }
            found = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            Ok(())
        })?;
    }
    Ok(found)
}
