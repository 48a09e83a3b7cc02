"""What the validation page says beside its numbers: what was compared, and why they differ."""

from __future__ import annotations

__all__ = ["AFTER", "BEFORE", "CLOSING", "OPENING"]

OPENING = """\
# Validation of the simulation

Written by `make validation` (`python -m simulate.fidelity DATA DOCS`) from runs with fixed seeds and
real data; do not edit. KS is the Kolmogorov-Smirnov distance of two samples, "of chance" what samples
of these sizes from one distribution exceed once in twenty. Ranges are 16 to 84 %. In the figures ours
are blue, theirs red. `brokerbench validation RUN` makes a smaller page of any run.
"""

BEFORE = {
    "Fluxes": """\
SALT3's band-integrated tables against `sncosmo.bandflux`, at random redshifts to 1.2, phases, x1 and c:
error over the peak in the band. Lines: what is asked, 2e-4 for 99 % and 1e-3 for all.""",
    "Numbers": """\
Expected numbers and drawn redshifts of every class with a redshift, against the integral of its stated
rate with astropy's volumes; events with 1/(1+z), lasting objects without.""",
    "Noise and leaks": """\
(measured - true) / error of a run of six classes; their light is of all kinds, so that Poisson noise is
in it.""",
    "Observing plans": """\
5-sigma depths (25/50/75 %) of real plans as read here and of the plan that needs no file; its revisits
against the first 13 nights of baseline v2.0.""",
    "Simulated challenges": """\
Three years of a wide survey with SNANA's efficiencies of LSST, the noise of hosts, and ELAsTiCC's
trigger (two detections 30 minutes apart; one for flares); 180 visits a season, as ELAsTiCC's objects
have (0.96 a day in the forced photometry of its alerts). ELAsTiCC's files hold alerts, so that an
object is there as often as it was detected: ours are counted alike. ELAsTiCC2's are objects, SN Ib with
two detections. PLAsTiCC's training set are the objects that got a spectrum in its wide survey, ours
those of `FollowUp()`.""",
    "Real samples": """\
SNe Ia of ZTF's Bright Transient Survey to 18.5 mag: our peaks are taken as theirs (the brightest of points
three days apart with BTS's errors), our durations and colours from the curves without noise; RR Lyrae of
Stripe 82 (Sesar et al. 2010); variables of LINEAR
(Palaversa et al. 2013), sizes in its filter against ours in r; SCOTCH's 500 hosts (Lokken et al. 2023)
against our galaxies of the same redshift, mass and star formation.""",
    "Light curves": """\
Three objects of each class (solid, dashed, dotted) in g (green), r (red) and i (violet): explosive
classes at redshift 0.1 in absolute magnitudes without K correction, against days of the observer after
the reference time (maximum of SNe Ia and templates, explosion of the others); stars in apparent
magnitudes. Points: real ones, a SN Ia of ZTF, AT2017gfo and the tidal disruption PS18kh.""",
}

AFTER = {
    "Fluxes": """\
Also held by tests: SALT3 without tables equals sncosmo to 1e-6; Hsiao's tables to 1e-3 of the peak (z
to 1.6); Kasen's kilonovae to 5e-3 at the files' times; blackbodies against astropy to 4e-3; O'Donnell's
law against the package extinction to 1e-12. sncosmo's AB system is 3631 Jy, ours -2.5 log10 f_nu -
48.6, 6e-5 lower; the comparison allows for it.""",
    "Numbers": "",
    "Noise and leaks": "",
    "Observing plans": """\
The made-up plan pairs its visits 33 minutes apart as the baseline does, without the repeats within a
minute where the baseline's fields overlap; 13 nights of the baseline see the same places more often
than an average fortnight.""",
    "Simulated challenges": """\
Why they differ. Ours reach a little further, with fewer at high S/N. Type IIn there are mostly a few
templates, brighter than the mean of ours. Type Ib there scatter by 0.41 mag around their templates
(SNANA's MAGSMEAR), ours by 0.75 mag around nearly the same median, as observed ones do (Richardson et
al. 2014): the bright ones are seen from further away. SNe Ia are as bright as in ELAsTiCC: SNANA's
files state M = -19.365 and add 0.27 mag (MAG_OFFSET) to what the SALT spectra give, as tests find in
its own output; ours have host dust beside, which ELAsTiCC's SALT models lack (`parameters = { a_v = 0.0
}` leaves it out).

Flares: ELAsTiCC2 has 27, of them 12 above S/N 5. Its flares are those of Kepler, one a star, averaged
over Kepler's half hours and placed on stars to 6 kpc that are blackbodies of 3,600 to 3,900 K, which is
bluer in g - r (1.24) than M dwarfs are (1.4 to 1.6: Covey et al. 2007). Ours are active M0 to M6 dwarfs
of the thin disk, which flare again and again with minutes-long peaks: the largest S/N of a star is that
of several flares, the first is nearer to theirs. Their quiet stars are fainter, since flares of the
late, faint ones are seen too.""",
    "Real samples": """\
Why they differ. BTS: its supernovae are a little shorter, since x1 is drawn as for the distant ones of
cosmology samples (Scolnic & Kessler 2016, as ELAsTiCC), where fast ones of old galaxies are rarer; its
reddest are redder than dust with the colours of R_V = 3.1 and scale 0.4 mag makes ours, and are
peculiar ones in part. Before the magnitude offset and the dust were added the distances in absolute
magnitude and colour were 0.24 to 0.46.

LINEAR: its sizes are 5 to 95 % of noisy light without a filter, ours without noise in r, and only those
above 0.3 mag are compared, since few smaller ones were listed. It found wide EA less often, which
eclipse in few of its images, and its delta Scuti stars are mostly the large, short ones of the halo (SX
Phe); ours follow OGLE.

SCOTCH: the projected offsets that its paper gives, 1.66, 4.01 and 8.29 kpc at 25, 50 and 75 %, are
those of SNe Ia here at redshifts 0.1 to 0.3 within 12 % (test_hosts.py).""",
    "Light curves": "",
}

CLOSING = """\
Speed is measured apart: see [simulate.md](simulate.md).
"""
