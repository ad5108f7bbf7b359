/** The Spanish texts of the pages to sign in, register and sign out, of the start page and of the error pages. */
import type { Translation } from './en.ts';
import type { accountPages as english } from './en-account-pages.ts';

export const accountPages: Pick<Translation['pages'], keyof typeof english> = {
  email: 'Dirección de correo',
  password: 'Contraseña',
  show: 'Mostrar',
  hide: 'Ocultar',
  showPassword: 'Mostrar la contraseña',
  hidePassword: 'Ocultar la contraseña',
  signIn: 'Iniciar sesión',
  register: 'Crear una cuenta',
  forgotPassword: '¿Ha olvidado su contraseña?',
  resetPasswordNow: 'Restablecer la contraseña',
  signOut: 'Cerrar sesión',
  startPage: 'Ir a la página de inicio',
  continueTo: 'Continuar a {{appName}}',
  tryAgain: 'Volver a intentarlo',
  resend: 'Enviar otro correo',
  returnRejected:
    'El enlace a esta página indica una dirección a la que {{appName}} no vuelve. Se ha ignorado.',
  problems: 'Corrija estos campos',
  fieldFaults: {
    emailMissing: 'Escriba su dirección de correo.',
    emailInvalid: 'Escriba una dirección de correo como nombre@example.com.',
    firstNameMissing: 'Escriba su nombre.',
    nameInvalid:
      'Escriba un nombre de como máximo 150 caracteres, sin enlaces ni los signos < > " \\ /.',
    passwordMissing: 'Escriba su contraseña.',
  },
  start: {
    title: 'Su cuenta de {{appName}}',
    body: 'Inicie sesión en su cuenta o cree una nueva.',
    developers: 'Para desarrolladores',
    reference: 'Referencia de la API REST',
    ide: 'IDE de GraphQL',
    mailbox: 'Buzón de desarrollo',
  },
  notFound: {
    title: 'Página no encontrada',
    body: 'No hay ninguna página en esta dirección. Puede que el enlace sea antiguo o que le falte una parte.',
  },
  signInPage: {
    title: 'Iniciar sesión',
    titleTo: 'Iniciar sesión en {{appName}}',
    failed: 'El correo o la contraseña no son correctos, o la dirección aún no está confirmada.',
    confirm: 'Confirmar la dirección',
    notActive:
      'La dirección de esta cuenta aún no está confirmada. Use el enlace del correo que recibió.',
    noAccount: '¿Aún no tiene cuenta?',
    signedInTitle: 'Ha iniciado sesión',
    signedInAs: 'Sesión iniciada como',
  },
  signOutPage: {
    title: '¿Cerrar sesión?',
    body: 'Se cerrará su sesión en este navegador.',
    doneTitle: 'Ha cerrado la sesión',
    done: 'Su sesión en este navegador ha terminado.',
  },
  registerPage: {
    title: 'Crear una cuenta',
    titleTo: 'Crear su cuenta de {{appName}}',
    firstName: 'Nombre',
    lastName: 'Apellidos (opcional)',
    button: 'Crear la cuenta',
    haveAccount: '¿Ya tiene una cuenta?',
    sentTitle: 'Revise su correo',
    sent: 'Hemos enviado un correo a {{email}}. Abra el enlace que contiene o escriba aquí su código.',
    noMail:
      '¿No ha llegado nada después de unos minutos? Mire en la carpeta de correo no deseado o pida otro correo.',
  },
  resendPage: {
    title: 'Recibir otro correo',
    body: 'Escriba la dirección con la que se registró. Le enviaremos otro correo con un enlace para confirmarla.',
    sent: 'Si {{email}} aún no está confirmada, recibirá otro correo. Abra el enlace que contiene o escriba aquí su código. Los enlaces anteriores ya no sirven.',
  },
  forgotPasswordPage: {
    title: 'Restablezca su contraseña',
    body: 'Escriba la dirección de su cuenta. Le enviaremos un correo con un enlace para elegir una contraseña nueva.',
    button: 'Enviar el enlace',
    again: 'Enviar otro enlace',
    sentTitle: 'Revise su correo',
    sent: 'Si hay una cuenta para {{email}}, recibirá un correo. Abra el enlace que contiene para elegir una contraseña nueva.',
    noMail:
      '¿No ha llegado nada después de unos minutos? Mire en la carpeta de correo no deseado o pida otro enlace.',
  },
  formFailure: {
    throttled_one: 'Demasiados intentos. Vuelva a intentarlo dentro de un minuto.',
    throttled_other: 'Demasiados intentos. Vuelva a intentarlo dentro de {{count}} minutos.',
    overloaded: 'El servicio está ocupado. Espere un momento y vuelva a intentarlo.',
    malformed: 'El formulario no se ha enviado correctamente. Abra la página otra vez.',
    internal: 'Se ha producido un error interno. Vuelva a intentarlo más tarde.',
  },
};
